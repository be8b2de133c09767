"""The forward pass of a Qwen3 file in plain numpy, with its keys and values kept: what check.py samples from.

Shares nothing with the network that was trained (model.py), so it also shows that the file says all there is to say.
"""

import numpy as np


def rms_norm(x, weight, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight


class Sequence:
    """One sequence: feed() takes its next ids and gives the logits of each, [T, V]."""

    def __init__(self, metadata, tensors):
        self.tensors = tensors
        self.layers, self.heads, self.kv_heads, self.head_dim = (
            metadata["qwen3." + key] for key in
            ("block_count", "attention.head_count", "attention.head_count_kv", "attention.key_length"))
        self.eps = metadata["qwen3.attention.layer_norm_rms_epsilon"]
        pairs = np.arange(self.head_dim // 2) * 2 / self.head_dim
        self.frequencies = metadata["qwen3.rope.freq_base"] ** -pairs
        self.keys = [np.zeros((self.kv_heads, 0, self.head_dim), np.float32) for _ in range(self.layers)]
        self.values = list(self.keys)

    def _weight(self, name):
        return self.tensors[name + ".weight"]

    def _norm(self, x, name):
        return rms_norm(x, self._weight(name), self.eps)

    def _split(self, x, heads):  # [T, heads * D] to [heads, T, D]
        return x.reshape(len(x), heads, self.head_dim).swapaxes(0, 1)

    def _rotate(self, x, start):
        angles = np.arange(start, start + x.shape[1])[:, None] * self.frequencies
        cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        first, second = np.split(x, 2, axis=-1)
        return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)

    def _attention(self, x, layer):
        def project(name):
            return x @ self._weight(f"blk.{layer}.{name}").T

        start, count = self.keys[layer].shape[1], len(x)
        q = self._norm(self._split(project("attn_q"), self.heads), f"blk.{layer}.attn_q_norm")
        k = self._norm(self._split(project("attn_k"), self.kv_heads), f"blk.{layer}.attn_k_norm")
        v = self._split(project("attn_v"), self.kv_heads)
        self.keys[layer] = np.concatenate([self.keys[layer], self._rotate(k, start)], axis=1)
        self.values[layer] = np.concatenate([self.values[layer], v], axis=1)
        share = self.heads // self.kv_heads
        keys, values = (np.repeat(kept[layer], share, axis=0) for kept in (self.keys, self.values))
        scores = self._rotate(q, start) @ keys.swapaxes(1, 2) / np.sqrt(np.float32(self.head_dim))
        is_future = np.arange(start + count) > np.arange(start, start + count)[:, None]
        scores = np.where(is_future, -np.inf, scores)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = weights / weights.sum(-1, keepdims=True) @ values
        return mixed.swapaxes(0, 1).reshape(count, -1) @ self._weight(f"blk.{layer}.attn_output").T

    def feed(self, ids):
        x = self._weight("token_embd")[ids]
        for layer in range(self.layers):
            x = x + self._attention(self._norm(x, f"blk.{layer}.attn_norm"), layer)
            h = self._norm(x, f"blk.{layer}.ffn_norm")
            gate, up = (h @ self._weight(f"blk.{layer}.{name}").T for name in ("ffn_gate", "ffn_up"))
            x = x + (gate / (1 + np.exp(-gate)) * up) @ self._weight(f"blk.{layer}.ffn_down").T
        return self._norm(x, "output_norm") @ self._weight("token_embd").T
