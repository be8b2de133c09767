#!/usr/bin/env python3
"""Writes tests/golden/encoders: a tiny BERT of random weights with a vocabulary cut out of a real one, texts with the ids
that Hugging Face `tokenizers` gives them, and the vectors that bert_reference.py computes in f64.

Usage: $(tools/python_env.sh tokenizer)/bin/python tools/golden/make_encoder.py MINILM_FOLDER
The folder is that of all-MiniLM-L6-v2; its own vectors of the same texts are written too, as minilm.vectors.
"""
import json
import os
import sys

import numpy as np
from tokenizers import Tokenizer

import bert_reference

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(ROOT, "tests/golden/encoders")
SEED = 20261126
CONFIG = {"architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "hidden_size": 32,
          "intermediate_size": 96, "layer_norm_eps": 1e-12, "max_position_embeddings": 128, "num_attention_heads": 2,
          "num_hidden_layers": 3, "position_embedding_type": "absolute", "type_vocab_size": 2}
MODULES = [{"idx": i, "name": str(i), "path": path, "type": "sentence_transformers.models." + kind}
           for i, (path, kind) in enumerate([("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")])]
POOLING = {"word_embedding_dimension": CONFIG["hidden_size"], "pooling_mode_cls_token": False,
           "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False,
           "pooling_mode_mean_sqrt_len_tokens": False}
TEXTS = [
    "", " ", "a", "Hello, world!", "The quick brown fox jumps over the lazy dog.",
    "query: how do I cancel a running batch job without losing what it has written?",
    "passage: Machine learning models turn text into vectors; near vectors mean near meanings.",
    "Embeddings of sentences are compared by the cosine of their angle.",
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01", "\u901a\u4e49\u5343\u95ee\u662f\u963f\u91cc\u4e91\u7684\u5927\u6a21\u578b\u3002",
    "\u4e2d\u6587 and English \u6df7\u5408 text\uff0c\u5e26\u6709 123 \u4e2a\u6570\u5b57",
    "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8", "\ud55c\uad6d\uc5b4 \ud14d\uc2a4\ud2b8", "\u0420\u0443\u0441\u0441\u043a\u0438\u0439 \u0442\u0435\u043a\u0441\u0442 \u0419\u0451",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629", "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22", "\u0939\u093f\u0928\u094d\u0926\u0940",
    "Caf\u00e9 na\u00efve \u00c5ngstr\u00f6m \u0130stanbul \u00df \u1e9e \ufb01 \u01c5", "e\u0301a\u0328\u0301 \u1e69 s\u0323\u0307 q\u0307\u0323",
    "\U0001f600\U0001f680 emoji \U0001f469\u200d\U0001f4bb\u2764\ufe0f \U0001f1e8\U0001f1f3",
    "tab\there\nnewline\r\nreturn\u00a0nbsp\u2003em\u3000wide", "zero\u200bwidth\u200djoin\ufeffbom soft\u00adhyphen",
    "control\x01\x02\x7f\x85\x0b\x0c\x1f chars", "nul\x00byte and \ufffd replacement", "\u0301\u0302 marks alone \u0303",
    "don't stop-me_now (x+y)=z; $5.00 #tag @name ~`^|<>\u00bf\u00a1\u201cquotes\u201d\u2026\u2014",
    "x" * 100, "x" * 101, "\u4e00" * 120, "\u00e9" * 101, "e\u0301" * 100, "##ing ##s [SEP",
    "unbelievably antidisestablishmentarianism internationalization tokenization",
    "\U00020000\U0002a6d6\U0002b740\U0002b820\U0002ceb0\U0002f800\uf900 rare ideographs", "\u2460\u00bd\u2167\u33a5\uff21\uff42",
    "\ue000\U000f0000 private \u0378 unassigned", "\ud7a3\u1100\u1161\u11a8", "A\u030a\u0130I\u0131\u017f\u212a\u2126",
]
PROBES = [" ".join(f"x{chr(c)}y" for c in range(first, first + 256) if c != 0)
          for first in [*range(0, 0x600, 256), 0x1E00, 0x2000, 0x3000, 0xFE00, 0xFF00]]
ALPHABET = [chr(c) for c in range(33, 127)]


def cut_vocabulary(real):
    """The special tokens, single ASCII characters and what the texts use, renumbered in the real order."""
    vocab = json.loads(real.to_str())["model"]["vocab"]
    used = {id for text in TEXTS for id in real.encode(text).ids}
    used |= {vocab[t] for t in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]}
    used |= {vocab[t] for c in ALPHABET for t in (c, "##" + c) if t in vocab}
    names = {id: token for token, id in vocab.items()}
    return {names[id]: at for at, id in enumerate(sorted(used))}


def small_tokenizer(folder):
    with open(os.path.join(folder, "tokenizer.json"), encoding="utf-8") as file:
        data = json.load(file)
    data["truncation"] = data["padding"] = None
    real = Tokenizer.from_str(json.dumps(data))
    vocab = cut_vocabulary(real)
    data["model"]["vocab"] = vocab
    for token in data["added_tokens"]:
        token["id"] = vocab[token["content"]]
    for name, token in data["post_processor"]["special_tokens"].items():
        token["ids"] = [vocab[name]]
    return real, data


def random_weights(vocab):
    random, c, f = np.random.default_rng(SEED), CONFIG["hidden_size"], CONFIG["intermediate_size"]

    def matrix(rows, width, scale):
        return (random.standard_normal((rows, width)) * scale).astype(np.float32)

    def vector(n, mean, scale):
        return (mean + random.standard_normal(n) * scale).astype(np.float32)

    tensors = {"embeddings.word_embeddings.weight": matrix(vocab, c, 1),
               "embeddings.position_embeddings.weight": matrix(CONFIG["max_position_embeddings"], c, 0.3),
               "embeddings.token_type_embeddings.weight": matrix(2, c, 0.3)}

    def norm(name):
        tensors[name + ".weight"], tensors[name + ".bias"] = vector(c, 1, 0.2), vector(c, 0, 0.1)

    def linear(name, rows, width):
        tensors[name + ".weight"] = matrix(rows, width, 1.5 / np.sqrt(width))
        tensors[name + ".bias"] = vector(rows, 0, 0.2)

    norm("embeddings.LayerNorm")
    for layer in range(CONFIG["num_hidden_layers"]):
        name = f"encoder.layer.{layer}."
        for part in ("query", "key", "value"):
            linear(name + "attention.self." + part, c, c)
        linear(name + "attention.output.dense", c, c)
        norm(name + "attention.output.LayerNorm")
        linear(name + "intermediate.dense", f, c)
        linear(name + "output.dense", c, f)
        norm(name + "output.LayerNorm")
    return tensors


def write_json(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        json.dump(value, file, separators=(",", ":"))
        file.write("\n")


def vectors(folder, tokenizer, texts, longest):
    model = bert_reference.Bert(folder)
    return np.array([model.embed(ids) for text in texts if len(ids := tokenizer.encode(text).ids) <= longest], np.float32)


def main():
    minilm, tiny = sys.argv[1], os.path.join(OUT, "tiny-bert")
    real, data = small_tokenizer(minilm)
    small = Tokenizer.from_str(json.dumps(data))
    write_json(os.path.join(tiny, "tokenizer.json"), data)
    write_json(os.path.join(tiny, "config.json"), {**CONFIG, "vocab_size": len(data["model"]["vocab"])})
    write_json(os.path.join(tiny, "modules.json"), MODULES)
    write_json(os.path.join(tiny, "1_Pooling/config.json"), POOLING)
    bert_reference.write_safetensors(os.path.join(tiny, "model.safetensors"), random_weights(len(data["model"]["vocab"])))
    write_json(os.path.join(OUT, "wordpiece.json"),
               [{"text": text, "ids": small.encode(text).ids} for text in TEXTS + PROBES])
    vectors(tiny, small, TEXTS, CONFIG["max_position_embeddings"]).tofile(os.path.join(OUT, "tiny-bert.vectors"))
    vectors(minilm, real, TEXTS, 256).tofile(os.path.join(OUT, "minilm.vectors"))


if __name__ == "__main__":
    main()
