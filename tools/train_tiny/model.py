"""The tiny model: Qwen3's dense architecture, plain torch, no cache.

Source: Qwen3 technical report (2025), section 2: RMSNorm before each block, grouped queries with a norm on every
query and key head, rotary positions on halves, SwiGLU, head tied to the embedding.
"""

import dataclasses

import torch
from torch.nn import functional as F


@dataclasses.dataclass(frozen=True)
class Config:
    vocab: int = 2048
    hidden: int = 128
    layers: int = 5
    heads: int = 6       # heads * head_dim is not hidden, and 3 query heads share a key: both on purpose, for tests
    kv_heads: int = 2
    head_dim: int = 32
    ffn: int = 384
    rope_base: float = 10000.0
    norm_eps: float = 1e-6
    context: int = 4096


class Norm(torch.nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rotary(config, length):
    """cos and sin, [length, head_dim / 2] each."""
    pairs = torch.arange(config.head_dim // 2, dtype=torch.float64) * 2 / config.head_dim
    angles = torch.arange(length, dtype=torch.float64)[:, None] * config.rope_base ** -pairs
    return angles.cos().float(), angles.sin().float()


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def linear(inputs, outputs):
    return torch.nn.Linear(inputs, outputs, bias=False)


class Layer(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.attn_norm, self.ffn_norm = Norm(c.hidden, c.norm_eps), Norm(c.hidden, c.norm_eps)
        self.attn_q_norm, self.attn_k_norm = Norm(c.head_dim, c.norm_eps), Norm(c.head_dim, c.norm_eps)
        self.attn_q = linear(c.hidden, c.heads * c.head_dim)
        self.attn_k = linear(c.hidden, c.kv_heads * c.head_dim)
        self.attn_v = linear(c.hidden, c.kv_heads * c.head_dim)
        self.attn_output = linear(c.heads * c.head_dim, c.hidden)
        self.ffn_gate, self.ffn_up = linear(c.hidden, c.ffn), linear(c.hidden, c.ffn)
        self.ffn_down = linear(c.ffn, c.hidden)

    def attention(self, x, cos, sin, mask):
        batch, length, _ = x.shape
        c = self.c

        def split(y, heads):  # [B, T, heads * D] to [B, heads, T, D]
            return y.view(batch, length, heads, c.head_dim).transpose(1, 2)

        q = rotate(self.attn_q_norm(split(self.attn_q(x), c.heads)), cos, sin)
        k = rotate(self.attn_k_norm(split(self.attn_k(x), c.kv_heads)), cos, sin)
        v = split(self.attn_v(x), c.kv_heads)
        share = c.heads // c.kv_heads
        k, v = k.repeat_interleave(share, dim=1), v.repeat_interleave(share, dim=1)
        scores = q @ k.transpose(-1, -2) * c.head_dim ** -0.5 + mask
        mixed = torch.softmax(scores, dim=-1) @ v
        return self.attn_output(mixed.transpose(1, 2).reshape(batch, length, -1))

    def forward(self, x, cos, sin, mask):
        x = x + self.attention(self.attn_norm(x), cos, sin, mask)
        h = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))


class TinyModel(torch.nn.Module):
    """Submodules carry the names of the GGUF tensors, so that saving and loading are one loop."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.token_embd = torch.nn.Embedding(config.vocab, config.hidden)
        self.blk = torch.nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.output_norm = Norm(config.hidden, config.norm_eps)
        residual_std = 0.02 * (2 * config.layers) ** -0.5  # keeps the sum of all blocks at the scale of one
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                is_residual = name.endswith(("attn_output.weight", "ffn_down.weight"))
                torch.nn.init.normal_(weight, std=residual_std if is_residual else 0.02)

    def body(self, ids):
        """ids [B, T] to what the head reads, [B, T, C]."""
        length = ids.shape[1]
        cos, sin = rotary(self.config, length)
        mask = torch.full((length, length), float("-inf")).triu(1)
        x = self.token_embd(ids)
        for layer in self.blk:
            x = layer(x, cos, sin, mask)
        return self.output_norm(x)

    def head(self, x):
        """[..., C] to logits [..., V]."""
        return x @ self.token_embd.weight.t()
