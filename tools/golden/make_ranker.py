#!/usr/bin/env python3
"""Writes two tiny cross-encoders of random weights and the scores that bert_reference.py computes in f64:
tests/golden/encoders/tiny-ranker (BERT, with tiny-bert's vocabulary: texts and the ids that Hugging Face `tokenizers` gives
a pair) and tiny-xlmr-ranker (XLM-R, ids alone), each with a file NAME.json of its cases.

Usage: $(tools/python_env.sh tokenizer)/bin/python tools/golden/make_ranker.py, after make_encoder.py.
"""
import json
import os

import numpy as np
from tokenizers import Tokenizer

import bert_reference
import make_encoder
from make_encoder import OUT, write_json

C, F, LAYERS, XLMR_VOCAB, XLMR_POSITIONS = 32, 64, 2, 64, 66
QUERIES = ["how do I cancel a batch job", "\u901a\u4e49\u5343\u95ee\u662f\u4ec0\u4e48\uff1f", "x"]
SIZES = {"hidden_size": C, "intermediate_size": F, "num_attention_heads": 2, "num_hidden_layers": LAYERS, "hidden_act": "gelu",
         "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}, "layer_norm_eps": 1e-5, "position_embedding_type": "absolute"}


def weights(random, vocab, positions, types, head):
    tensors = {}

    def add(name, *shape, mean=0.0, scale=1.0):
        tensors[name] = (mean + random.standard_normal(shape) * scale).astype(np.float32)

    def linear(name, rows, width):
        add(name + ".weight", rows, width, scale=1.5 / np.sqrt(width))
        add(name + ".bias", rows, scale=0.2)

    def norm(name):
        add(name + ".weight", C, mean=1, scale=0.2)
        add(name + ".bias", C, scale=0.1)

    for name, rows, scale in (("word", vocab, 1), ("position", positions, 0.3), ("token_type", types, 0.5)):
        add(f"embeddings.{name}_embeddings.weight", rows, C, scale=scale)
    norm("embeddings.LayerNorm")
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}."
        for part in ("query", "key", "value"):
            linear(name + "attention.self." + part, C, C)
        linear(name + "attention.output.dense", C, C)
        norm(name + "attention.output.LayerNorm")
        linear(name + "intermediate.dense", F, C)
        linear(name + "output.dense", C, F)
        norm(name + "output.LayerNorm")
    linear(head[0], C, C)
    linear(head[1], 1, C)
    return tensors


def prefixed(tensors, prefix):
    """As the releases have it: the head's classifier stands outside the encoder."""
    return {name if name.startswith("classifier") else prefix + name: tensor for name, tensor in tensors.items()}


def write_model(name, config, tensors):
    folder = os.path.join(OUT, name)
    write_json(os.path.join(folder, "config.json"), config)
    bert_reference.write_safetensors(os.path.join(folder, "model.safetensors"), tensors)
    return bert_reference.Bert(folder)


def main():
    random = np.random.default_rng(make_encoder.SEED + 1)
    with open(os.path.join(OUT, "tiny-bert/tokenizer.json"), encoding="utf-8") as file:
        tokenizer_data = json.load(file)
    tokenizer = Tokenizer.from_str(json.dumps(tokenizer_data))
    vocab = tokenizer.get_vocab_size()
    bert = write_model("tiny-ranker", {**SIZES, "architectures": ["BertForSequenceClassification"], "model_type": "bert",
                                       "vocab_size": vocab, "max_position_embeddings": 128, "type_vocab_size": 2},
                       prefixed(weights(random, vocab, 128, 2, ("pooler.dense", "classifier")), "bert."))
    write_json(os.path.join(OUT, "tiny-ranker/tokenizer.json"), tokenizer_data)
    cases = []
    for query in QUERIES:
        for text in make_encoder.TEXTS:
            encoding = tokenizer.encode(query, text)
            if text.strip() and len(encoding.ids) <= 128:
                second = encoding.sequence_ids.index(1) if 1 in encoding.sequence_ids else len(encoding.ids) - 1
                cases.append({"query": query, "text": text, "ids": encoding.ids, "second_from": second,
                              "score": bert.score(encoding.ids, second)})
    write_json(os.path.join(OUT, "tiny-ranker.json"), cases)
    xlmr = write_model("tiny-xlmr-ranker",
                       {**SIZES, "architectures": ["XLMRobertaForSequenceClassification"], "model_type": "xlm-roberta",
                        "vocab_size": XLMR_VOCAB, "max_position_embeddings": XLMR_POSITIONS, "pad_token_id": 1, "type_vocab_size": 1},
                       prefixed(weights(random, XLMR_VOCAB, XLMR_POSITIONS, 1, ("classifier.dense", "classifier.out_proj")), "roberta."))
    cases = []
    for length in (4, 7, 16, 33, XLMR_POSITIONS - 2):
        ids = random.integers(0, XLMR_VOCAB, length).tolist()
        cases.append({"ids": ids, "second_from": length // 2, "score": xlmr.score(ids, length // 2)})
    write_json(os.path.join(OUT, "tiny-xlmr-ranker.json"), cases)


if __name__ == "__main__":
    main()
