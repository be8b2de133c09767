"""BERT in NumPy and f64, apart from any other program: what the encoder is held against.

Source: the description in Devlin et al., 2018; tensor names of BertModel in transformers 5.x.
"""
import json
import math
import os
import struct

import numpy as np

TYPES = {"F32": np.float32, "F16": np.float16, "I64": np.int64}


def read_safetensors(path):
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header, data = json.loads(file.read(size)), file.read()
    return {name: np.frombuffer(data[slice(*entry["data_offsets"])], TYPES[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__"}


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.astype("<f4").tobytes())


class Bert:
    is_xlmr = False

    def __init__(self, folder):
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            self.config = json.load(file)
        self.is_xlmr = self.config["model_type"] == "xlm-roberta"
        self.pooling = {}
        if os.path.exists(os.path.join(folder, "1_Pooling/config.json")):
            with open(os.path.join(folder, "1_Pooling/config.json"), encoding="utf-8") as file:
                self.pooling = json.load(file)
        self.weights = {name.removeprefix("bert.").removeprefix("roberta."): tensor.astype(np.float64)
                        for name, tensor in read_safetensors(os.path.join(folder, "model.safetensors")).items()}

    def linear(self, name, x):
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def norm(self, name, x):
        mean = x.mean(-1, keepdims=True)
        variance = ((x - mean) ** 2).mean(-1, keepdims=True)
        scaled = (x - mean) / np.sqrt(variance + self.config["layer_norm_eps"])
        return scaled * self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def attention(self, name, x):
        tokens, width = x.shape
        heads = self.config["num_attention_heads"]
        q, k, v = (self.linear(f"{name}.{part}", x).reshape(tokens, heads, -1).transpose(1, 0, 2)
                   for part in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(width // heads)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        return (shares @ v).transpose(1, 0, 2).reshape(tokens, width)

    def hidden(self, ids, second_from=None):
        """The last layer's vectors, [tokens, C]. Of a pair ids[second_from:] have BERT's second token type."""
        table = "embeddings.%s_embeddings.weight"
        types = np.zeros(len(ids), int)
        if second_from is not None and not self.is_xlmr:
            types[second_from:] = 1
        first = self.config["pad_token_id"] + 1 if self.is_xlmr else 0
        x = (self.weights[table % "word"][ids] + self.weights[table % "token_type"][types] +
             self.weights[table % "position"][first:first + len(ids)])
        x = self.norm("embeddings.LayerNorm", x)
        for layer in range(self.config["num_hidden_layers"]):
            name = f"encoder.layer.{layer}"
            attended = self.attention(name + ".attention.self", x)
            x = self.norm(name + ".attention.output.LayerNorm", x + self.linear(name + ".attention.output.dense", attended))
            wide = self.linear(name + ".intermediate.dense", x)
            wide = wide * 0.5 * (1 + np.vectorize(math.erf)(wide / math.sqrt(2)))
            x = self.norm(name + ".output.LayerNorm", x + self.linear(name + ".output.dense", wide))
        return x

    def embed(self, ids):
        x = self.hidden(ids)
        pooled = x[0] if self.pooling["pooling_mode_cls_token"] else x.mean(0)
        return pooled / np.linalg.norm(pooled)

    def score(self, ids, second_from):
        """The logit of a cross-encoder with one label."""
        dense, out = ("classifier.dense", "classifier.out_proj") if self.is_xlmr else ("pooler.dense", "classifier")
        return float(self.linear(out, np.tanh(self.linear(dense, self.hidden(ids, second_from)[0])))[0])
