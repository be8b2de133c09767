#!/usr/bin/env python3
"""Ids against Hugging Face `tokenizers`, vectors against BERT in NumPy (f64), on real weights.

Usage: parity.py EMBED_TOOL FOLDER MEGABYTES
Ids: megabytes of each kind of text, and every character there is in four places. Vectors: the golden texts and slices of
English and Chinese. Prints differences and the least cosine; counts last.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np
from tokenizers import Tokenizer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path += [os.path.join(ROOT, "tests/tokenizer"), os.path.join(ROOT, "tools/golden")]
import bert_reference  # noqa: E402
import corpus  # noqa: E402
from make_encoder import TEXTS  # noqa: E402

LEAST_COSINE = 0.9999
SLICES, SLICE_CHARACTERS = 24, (60, 400)
BATCH = 256


def reference_tokenizer(folder):
    """Without truncation, and without control tokens in texts: all text is a caller's."""
    with open(os.path.join(folder, "tokenizer.json"), encoding="utf-8") as file:
        data = json.load(file)
    data["truncation"] = data["padding"] = None
    data["added_tokens"] = []
    return Tokenizer.from_str(json.dumps(data))


def run_tool(tool, folder, what, texts):
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as got:
        for text in texts:
            data = text.encode()
            given.write(struct.pack("<i", len(data)) + data)
        given.seek(0)
        subprocess.run([tool, folder, what], stdin=given, stdout=got, check=True)
        got.seek(0)
        for _ in texts:
            count, = struct.unpack("<i", got.read(4))
            yield np.frombuffer(got.read(4 * count), np.int32 if what == "ids" else np.float32)


def every_character():
    """Each code point alone, inside a word, after a letter it may join, and before one."""
    codes = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    for start in range(0, len(codes), 64):
        yield " ".join(f"{c} hel{c}lo e{c} {c}x" for c in map(chr, codes[start:start + 64]))


def check_ids(tool, folder, tokenizer, kind, texts):
    differences, ours = 0, run_tool(tool, folder, "ids", texts)
    for start in range(0, len(texts), BATCH):
        batch = texts[start:start + BATCH]
        for text, encoding in zip(batch, tokenizer.encode_batch_fast(batch)):
            ids = next(ours)
            if np.array_equal(ids, np.array(encoding.ids, np.int32)):
                continue
            differences += 1
            if differences <= 3:
                at = next((i for i, (a, b) in enumerate(zip(ids, encoding.ids)) if a != b), 0)
                print(f"    differs at id {at}: {list(ids[at:at + 6])} against {encoding.ids[at:at + 6]} in {text[:60]!r}")
    print(f"  {kind}: {sum(len(t.encode()) for t in texts) / 1e6:.1f} MB in {len(texts)} texts, {differences} differ", flush=True)
    return differences == 0


def slices(texts_of_kinds):
    for kind in ("english", "chinese", "mixed"):
        for i in range(SLICES):
            text = texts_of_kinds[kind][i % len(texts_of_kinds[kind])]
            yield text[:SLICE_CHARACTERS[i % 2]]


CLASSES = {"vectors": "default", "fast": "fast"}  # of numerics, by the tool's word


def cut(ids, longest):
    """As Hugging Face truncates: the end stays."""
    return ids if len(ids) <= longest else [*ids[:longest - 1], ids[-1]]


def check_vectors(tool, folder, tokenizer, texts):
    model = bert_reference.Bert(folder)
    with open(os.path.join(folder, "sentence_bert_config.json"), encoding="utf-8") as file:
        longest = json.load(file)["max_seq_length"]
    expected = [model.embed(cut(tokenizer.encode(text).ids, longest)) for text in texts]
    return compare_vectors(tool, folder, texts, expected)


def compare_vectors(tool, file, texts, expected):
    """Both classes of numerics against the reference's vectors, of length 1."""
    results = []
    for what, name in CLASSES.items():
        worst = min(float(ours @ other / np.linalg.norm(ours)) for ours, other in zip(run_tool(tool, file, what, texts), expected))
        print(f"  vectors, {name} class: {len(texts)} texts, least cosine 1 - {1 - worst:.1e}", flush=True)
        results.append(worst >= LEAST_COSINE)
    return all(results)


def main():
    tool, folder, megabytes = sys.argv[1], sys.argv[2], float(sys.argv[3])
    tokenizer, texts = reference_tokenizer(folder), corpus.corpus(megabytes)
    results = [check_ids(tool, folder, tokenizer, kind, of_kind) for kind, of_kind in texts.items()]
    results.append(check_ids(tool, folder, tokenizer, "every character", list(every_character())))
    results.append(check_vectors(tool, folder, tokenizer, [*TEXTS, *slices(texts)]))
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed, 0 skipped")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
