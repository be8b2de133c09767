#!/usr/bin/env python3
"""multilingual-e5-small in 4 bits: ids against Hugging Face `tokenizers` over the same vocabulary, from GGUF and as XLM-R's
tokenizer.json, vectors against NumPy over the same weights in f64.

Usage: e5_parity.py EMBED_TOOL E5_SMALL_Q4.bin MEGABYTES
Converts the file first (tools/convert_e5.py). Prints differences and the least cosine; counts last.
"""
import base64
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path += [os.path.join(ROOT, folder) for folder in ("tools", "tools/golden", "tests/tokenizer")]
import bert_reference  # noqa: E402
import character_map  # noqa: E402
import convert_e5  # noqa: E402
import corpus  # noqa: E402
import make_unigram  # noqa: E402
from make_encoder import TEXTS  # noqa: E402
from parity import check_ids, compare_vectors, cut, every_character, slices  # noqa: E402

EVERY = 3  # of the texts one: NumPy takes a second for each
PARTS = {"q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value", "ao": "attention.output.dense",
         "aln": "attention.output.LayerNorm", "fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm"}


def dequantised(data, shape):
    blocks = np.frombuffer(data, np.uint8).reshape(-1, 18)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float64)
    codes = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], 1).astype(np.float64) - 8
    return (codes * scales).reshape(shape)


class Reference(bert_reference.Bert):
    def __init__(self, sizes, tensors):
        self.config = {"num_attention_heads": sizes["heads"], "num_hidden_layers": sizes["layers"], "layer_norm_eps": sizes["eps"]}
        self.pooling = {"pooling_mode_cls_token": False}
        whole = {"emb.word": "word_embeddings.weight", "emb.pos": "position_embeddings.weight", "emb.type": "token_type_embeddings.weight",
                 "emb.ln.w": "LayerNorm.weight", "emb.ln.b": "LayerNorm.bias"}
        self.weights = {}
        for name, _, letters in convert_e5.names(sizes):
            shape, data = [sizes[letter] for letter in letters], tensors[name]
            is_f32 = convert_e5.type_of(shape, data) == convert_e5.F32
            value = np.frombuffer(data, "<f4").reshape(shape).astype(np.float64) if is_f32 else dequantised(data, shape)
            if name in whole:
                self.weights["embeddings." + whole[name]] = value
            else:
                layer, part, kind = name[1:].split(".")
                self.weights[f"encoder.layer.{layer}.{PARTS[part]}.{'weight' if kind == 'w' else 'bias'}"] = value


class ReferenceTokenizer:
    """The table of characters, then the library's unigram over words that begin with U+2581."""

    def __init__(self, vocabulary, characters):
        tokens = [token.decode() for token in vocabulary["tokenizer.ggml.tokens"]]
        self.unknown = vocabulary["tokenizer.ggml.unknown_token_id"]
        # Control tokens come out of no text: under names that none spells.
        plain = [token if kind == convert_e5.NORMAL else f"\U0010ffff{i}"
                 for i, (token, kind) in enumerate(zip(tokens, vocabulary["tokenizer.ggml.token_type"]))]
        self.library = Tokenizer(models.Unigram(list(zip(plain, vocabulary["tokenizer.ggml.scores"])), self.unknown, False))
        self.library.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always", split=False)])
        ends = characters["studio.unigram.ends"]
        self.table = {code: "".join(map(chr, characters["studio.unigram.to"][begin:end]))
                      for code, begin, end in zip(characters["studio.unigram.from"], [0, *ends], ends)}
        self.around = [vocabulary["tokenizer.ggml.bos_token_id"]], [vocabulary["tokenizer.ggml.eos_token_id"]]

    def encode(self, text):
        encoding = self.library.encode(text.translate(self.table), add_special_tokens=False)
        return type("Encoding", (), {"ids": self.around[0] + encoding.ids + self.around[1]})

    def encode_batch_fast(self, texts):
        return [self.encode(text) for text in texts]


def tokenizer_json(vocabulary, table, hides_control):
    """As XLM-R's releases have it. hides_control: under names that no text spells, as the library would read them in texts."""
    names = [token.decode() for token in vocabulary["tokenizer.ggml.tokens"]]
    control = [i for i, kind in enumerate(vocabulary["tokenizer.ggml.token_type"]) if kind != convert_e5.NORMAL]
    ids = {"<s>": vocabulary["tokenizer.ggml.bos_token_id"], "</s>": vocabulary["tokenizer.ggml.eos_token_id"]}
    added = [{"id": i, "content": names[i], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
             for i in control]
    if hides_control:
        names = [f"\U0010ffff{i}" if i in set(control) else name for i, name in enumerate(names)]
    end = make_unigram.special("</s>")
    first = [make_unigram.special("<s>"), make_unigram.text("A"), end]
    charsmap = base64.b64encode(character_map.character_map({chr(code): text for code, text in table.items()})).decode()
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [] if hides_control else added,
            "normalizer": {"type": "Precompiled", "precompiled_charsmap": charsmap},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, make_unigram.metaspace("always", True)]},
            "post_processor": {"type": "TemplateProcessing", "single": first, "pair": [*first, make_unigram.text("B"), end],
                               "special_tokens": {name: {"id": name, "ids": [id], "tokens": [name]} for name, id in ids.items()}},
            "decoder": None, "model": {"type": "Unigram", "unk_id": vocabulary["tokenizer.ggml.unknown_token_id"], "byte_fallback": False,
                                       "vocab": list(zip(names, map(float, vocabulary["tokenizer.ggml.scores"])))}}


def check_json(tool, folder, vocabulary, table, texts):
    path = os.path.join(folder, "tokenizer.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(tokenizer_json(vocabulary, table, False), file)
    library = Tokenizer.from_str(json.dumps(tokenizer_json(vocabulary, table, True)))
    results = [check_ids(tool, path, library, "tokenizer.json, " + kind, of_kind) for kind, of_kind in texts.items()]
    return [*results, check_ids(tool, path, library, "tokenizer.json, every character", list(every_character()))]


def check_vectors(tool, file, tokenizer, model, longest, texts):
    return compare_vectors(tool, file, texts, [model.embed(cut(tokenizer.encode(text).ids, longest)) for text in texts])


def main():
    tool, source, megabytes = sys.argv[1], sys.argv[2], float(sys.argv[3])
    texts = corpus.corpus(megabytes)
    with open(source, "rb") as file:
        cursor = convert_e5.Cursor(file.read())
    sizes, vocabulary = convert_e5.read_sizes(cursor), convert_e5.read_vocabulary(cursor)
    tokenizer = ReferenceTokenizer(vocabulary, convert_e5.read_characters(cursor))
    model = Reference(sizes, convert_e5.read_tensors(cursor))
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "e5.gguf")
        subprocess.run([sys.executable, os.path.join(ROOT, "tools/convert_e5.py"), source, file], check=True)
        results = [check_ids(tool, file, tokenizer, kind, of_kind) for kind, of_kind in texts.items()]
        results.append(check_ids(tool, file, tokenizer, "every character", list(every_character())))
        results += check_json(tool, folder, vocabulary, tokenizer.table, texts)
        prefixed = ["query: " + text for text in [*TEXTS, *slices(texts)][::EVERY]]
        results.append(check_vectors(tool, file, tokenizer, model, sizes["P"], prefixed))
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed, 0 skipped")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
