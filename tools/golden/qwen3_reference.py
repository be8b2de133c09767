"""Qwen3 in NumPy and f64 as an encoder: vectors of texts, and the logits of two words. Apart from any other program.

Source: the technical report of Qwen3 (2025), section 2, and RoPE (Su et al., 2021); tensor names of Qwen3ForCausalLM in
transformers 5.x, with or without "model." in front.
"""
import json
import os
import struct

import numpy as np


def read_safetensors(path):
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header, data = json.loads(file.read(size)), file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        raw = data[slice(*entry["data_offsets"])]
        if entry["dtype"] == "BF16":
            values = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            values = np.frombuffer(raw, {"F32": "<f4", "F16": "<f2"}[entry["dtype"]])
        tensors[name.removeprefix("model.")] = values.reshape(entry["shape"]).astype(np.float64)
    return tensors


def write_safetensors(path, tensors, dtype):
    """dtype: F32, or BF16, of which the tensors must be values."""
    header, parts, offset = {}, [], 0
    for name, tensor in tensors.items():
        raw = tensor.astype("<f4").view("<u4")
        raw = (raw >> 16).astype("<u2").tobytes() if dtype == "BF16" else raw.tobytes()
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [offset, offset + len(raw)]}
        offset += len(raw)
        parts.append(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


class Qwen3:
    def __init__(self, folder):
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            self.config = json.load(file)
        self.weights = read_safetensors(os.path.join(folder, "model.safetensors"))

    def norm(self, name, x):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.config["rms_norm_eps"]) * self.weights[name]

    def rotated(self, x):
        """x [heads, tokens, D]: value i and value i + D / 2 are a pair, turned by position * theta^(-2 i / D)."""
        tokens, dim = x.shape[1:]
        angles = np.outer(np.arange(tokens), self.config["rope_theta"] ** (-np.arange(0, dim, 2) / dim))
        cos, sin = np.cos(angles), np.sin(angles)
        first, second = x[..., :dim // 2], x[..., dim // 2:]
        return np.concatenate([first * cos - second * sin, second * cos + first * sin], -1)

    def attention(self, name, x):
        heads, kv_heads, dim = (self.config[key] for key in ("num_attention_heads", "num_key_value_heads", "head_dim"))
        tokens = len(x)

        def split(part, count):
            return (x @ self.weights[f"{name}.{part}_proj.weight"].T).reshape(tokens, count, dim).transpose(1, 0, 2)

        q = self.rotated(self.norm(name + ".q_norm.weight", split("q", heads)))
        k = self.rotated(self.norm(name + ".k_norm.weight", split("k", kv_heads))).repeat(heads // kv_heads, 0)
        v = split("v", kv_heads).repeat(heads // kv_heads, 0)
        scores = np.where(np.tri(tokens, dtype=bool), q @ k.transpose(0, 2, 1) / np.sqrt(dim), -np.inf)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        return (shares @ v).transpose(1, 0, 2).reshape(tokens, -1) @ self.weights[name + ".o_proj.weight"].T

    def hidden(self, ids):
        """The normed vectors of the last layer, [tokens, C]."""
        x = self.weights["embed_tokens.weight"][ids]
        for layer in range(self.config["num_hidden_layers"]):
            name = f"layers.{layer}"
            x = x + self.attention(name + ".self_attn", self.norm(name + ".input_layernorm.weight", x))
            h = self.norm(name + ".post_attention_layernorm.weight", x)
            gate = h @ self.weights[name + ".mlp.gate_proj.weight"].T
            wide = gate / (1 + np.exp(-gate)) * (h @ self.weights[name + ".mlp.up_proj.weight"].T)
            x = x + wide @ self.weights[name + ".mlp.down_proj.weight"].T
        return self.norm("norm.weight", x)

    def embed(self, ids):
        last = self.hidden(ids)[-1]
        return last / np.linalg.norm(last)

    def logit(self, ids, yes, no):
        """What a softmax over the two words' logits is the sigmoid of."""
        head = self.weights.get("lm_head.weight", self.weights["embed_tokens.weight"])
        return float((head[yes] - head[no]) @ self.hidden(ids)[-1])
