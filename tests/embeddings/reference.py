#!/usr/bin/env python3
"""What other programs make of the test's texts: ids of Hugging Face `tokenizers`, vectors of BERT in NumPy and f64.

Usage: reference.py MINILM_FOLDER E5_SMALL_Q4.bin > REFERENCE.json
"""
import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path += [os.path.join(ROOT, folder) for folder in ("tools", "tools/golden", "tests/encoders", "tests/tokenizer")]
import bert_reference  # noqa: E402
import convert_e5  # noqa: E402
from e5_parity import Reference, ReferenceTokenizer  # noqa: E402
from parity import reference_tokenizer  # noqa: E402

TEXTS = ["Hello, world!", "The quick brown fox jumps over the lazy dog.", "How do I cancel a running batch job?",
         "\u901a\u4e49\u5343\u95ee\u662f\u963f\u91cc\u4e91\u7684\u5927\u6a21\u578b\u3002",
         "\u4e2d\u6587 and English \u6df7\u5408 text\uff0c\u5e26\u6709 123 \u4e2a\u6570\u5b57",
         "\u5317\u4eac\u7684\u79cb\u5929\u5f88\u7f8e\uff0c\u5929\u7a7a\u53c8\u9ad8\u53c8\u84dd\u3002" * 3,
         "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8", "Caf\u00e9 na\u00efve \U0001f680",
         "Embeddings of sentences are compared by the cosine of their angle. " * 6]


def entry(model, tokenizer, text):
    ids = list(map(int, tokenizer.encode(text).ids))
    return {"text": text, "ids": ids, "vector": model.embed(ids).tolist()}


def main():
    minilm, packed = sys.argv[1:]
    with open(packed, "rb") as file:
        cursor = convert_e5.Cursor(file.read())
    sizes, vocabulary = convert_e5.read_sizes(cursor), convert_e5.read_vocabulary(cursor)
    e5_tokenizer = ReferenceTokenizer(vocabulary, convert_e5.read_characters(cursor))
    e5 = Reference(sizes, convert_e5.read_tensors(cursor))
    bert, tokenizer = bert_reference.Bert(minilm), reference_tokenizer(minilm)
    with open(os.path.join(ROOT, "tests/golden/encoders/tiny-ranker.json"), encoding="utf-8") as file:
        pairs = json.load(file)
    json.dump({"all-minilm-l6-v2": [entry(bert, tokenizer, text) for text in TEXTS],
               "e5-small": [entry(e5, e5_tokenizer, text) for text in TEXTS],
               # What text_type puts before a text, where the file says so (tools/convert_e5.py).
               "e5-small query": [entry(e5, e5_tokenizer, "query: " + text) for text in TEXTS[:3]],
               "e5-small document": [entry(e5, e5_tokenizer, "passage: " + text) for text in TEXTS[:3]],
               "pairs": pairs}, sys.stdout)


if __name__ == "__main__":
    main()
