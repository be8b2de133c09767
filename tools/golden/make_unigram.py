#!/usr/bin/env python3
"""Writes tests/golden/encoders/unigram.json: vocabularies of random tokens as tokenizer.json, in the forms that releases of
XLM-R, E5 and BGE-M3 have, and the ids that Hugging Face `tokenizers` gives texts by them.

Usage: $(tools/python_env.sh tokenizer)/bin/python tools/golden/make_unigram.py
"""
import base64
import json
import os
import random

import numpy as np
from tokenizers import Tokenizer

import character_map
from make_encoder import OUT, TEXTS, write_json

SEED, TOKENS = 20261127, 400
CONTROL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
# A little of what the real table does: composed accents, full width, kinds of space, ligatures, and what goes away.
TABLE = {"e\u0301": "\u00e9", "a\u0300": "\u00e0", "A\u030a": "\u00c5", "\uff21": "A", "\uff42": "b", "\ufb01": "fi", "\u2460": "1", "\u00bd": "1\u20442",
         "\t": " ", "\n": " ", "\r": " ", "\u00a0": " ", "\u2003": " ", "\u3000": " ", "\u200b": " ", "\x01": "", "\x7f": "", "\ufeff": "",
         "\u2026": "...", "\u212b": "\u00c5", "\u1100": "\uac00", "\u33a5": "m3", "\u00ad": ""}
MORE = ["\u2460\u0301 loses its mark", "a\r\nb", "\u2581typed\u2581marks\u2581\u2581", "  two  spaces   three ", "\u0600\u0061 prepended", "e\u0301\u0302",
        "\u00bd\u0301x", "\u1100\u1161\u11a8", "x\u200d\u2460", "\U0001f1e8\U0001f1f3\U0001f1e8", "\u0915\u094d\u0937\u093f", "tail \u3000", "\x01\x02"]
SCHEMES = {
    "xlmr": lambda table: (table, [{"type": "WhitespaceSplit"}, metaspace("always", True)]),
    "bge": lambda table: ([table, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}], [metaspace("always", True)]),
    "new": lambda table: ([table, {"type": "Strip", "strip_left": False, "strip_right": True},
                           {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"}], [metaspace("first", True)]),
    "whole": lambda table: ([{"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "Replace", "pattern": {"String": "``"}, "content": '"'}],
                            [metaspace("never", False)]),
}


def metaspace(scheme, split):
    return {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": split}


def one_or_all(kind, steps):
    if isinstance(steps, dict):
        return steps
    return steps[0] if len(steps) == 1 else {"type": "Sequence", kind: steps}


def vocabulary(dice):
    """Pieces cut out of the texts, so that many of them fit, with random scores."""
    source = [text.replace(" ", "\u2581") for text in TEXTS if text]
    tokens = dict.fromkeys(CONTROL[:4], 0.0)
    while len(tokens) < TOKENS:
        text = "\u2581" + dice.choice(source)
        begin = dice.randrange(len(text))
        tokens.setdefault(text[begin:begin + dice.randint(1, 5)], float(np.float32(-dice.uniform(2, 14))))  # as SentencePiece's are
    return [[token, score] for token, score in tokens.items()]


def tokenizer_json(dice, name):
    table = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(character_map.character_map(TABLE)).decode()}
    normalizer, pre = SCHEMES[name](table)
    vocab = vocabulary(dice)
    ids = {token: i for i, token in enumerate(CONTROL[:4])} | {"<mask>": len(vocab)}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": id, "content": token, "single_word": False, "lstrip": token == "<mask>", "rstrip": False, "normalized": False,
                          "special": True} for token, id in ids.items()],
        "normalizer": one_or_all("normalizers", normalizer), "pre_tokenizer": one_or_all("pretokenizers", pre),
        "post_processor": {"type": "TemplateProcessing",
                           "single": [special("<s>"), text("A"), special("</s>")],
                           "pair": [special("<s>"), text("A"), special("</s>"), special("</s>"), text("B"), special("</s>")],
                           "special_tokens": {token: {"id": token, "ids": [ids[token]], "tokens": [token]} for token in ("<s>", "</s>")}},
        "decoder": None, "model": {"type": "Unigram", "unk_id": 3, "vocab": vocab, "byte_fallback": False}}


def special(token):
    return {"SpecialToken": {"id": token, "type_id": 0}}


def text(name):
    return {"Sequence": {"id": name, "type_id": 0}}


def main():
    dice, cases = random.Random(SEED), []
    for name in SCHEMES:
        data = tokenizer_json(dice, name)
        library = Tokenizer.from_str(json.dumps(data))
        texts = [text for text in [*TEXTS, *MORE] if "\0" not in text]
        cases.append({"name": name, "tokenizer": data, "texts": [{"text": text, "ids": library.encode(text).ids} for text in texts]})
    write_json(os.path.join(OUT, "unigram.json"), cases)


if __name__ == "__main__":
    main()
