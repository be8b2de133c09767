#!/usr/bin/env python3
"""Writes two tiny models of random weights and what qwen3_reference.py computes of them in f64, into tests/golden/encoders:
tiny-qwen3-embedding (laid out as Qwen3-Embedding's folder: bf16, names without "model.") and tiny-qwen3-reranker (a plain
decoder's folder), each with a file NAME.json of texts, the ids that Hugging Face `tokenizers` gives them in the words of
the models' cards, and vectors or logits.

Usage: $(tools/python_env.sh tokenizer)/bin/python tools/golden/make_qwen3_encoders.py
"""
import json
import os

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

import qwen3_reference
from make_encoder import OUT, write_json

SEED = 20261127
C, F, LAYERS, HEADS, KV_HEADS, D, CONTEXT = 32, 64, 2, 4, 2, 32, 512
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
MERGES = [("\u0120", "t"), ("h", "e"), ("\u0120t", "he"), ("i", "n"), ("e", "r"), ("o", "n"), ("y", "e"), ("ye", "s"), ("n", "o"),
          ("\u0120", "d"), ("q", "u")]
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
PLAIN = ["<think>", "</think>"]
TASK = "Given a web search query, retrieve relevant passages that answer the query"
PROMPT = f"Instruct: {TASK}\nQuery:"
BEFORE = ("<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. "
          'Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n')
AFTER = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
TEXTS = ["The sea at night.", "A desert at noon", "x", " leading and trailing ", "\u4f60\u597d\uff0c\u4e16\u754c", "e\u0301 caf\u00e9\r\n\r\ntabs\tand  spaces",
         "the query on no yes " * 12, "\u0301 begins with a mark", "\nbegins with a line", "12345 67", "<|im_end"]
QUERIES = ["What is the capital of China?", "\u5bf9\u4e0d\u8d77", "ends with a line\n"]
INSTRUCTIONS = [None, "Find the odd one out"]


def tokenizer():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = alphabet + [left + right for left, right in MERGES]
    made = Tokenizer(models.BPE({token: id for id, token in enumerate(tokens)}, MERGES))
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), "isolated"),
                                                  pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, normalized=False) for token in CONTROL])
    made.add_tokens([AddedToken(token, normalized=False) for token in PLAIN])
    return made


def with_end(made):
    end = made.token_to_id(CONTROL[0])
    made.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single=f"$A {CONTROL[0]}", pair=f"$A {CONTROL[0]} $B {CONTROL[0]}",
                                      special_tokens=[(CONTROL[0], end)])])
    return made


def weights(random, vocab, prefix):
    tensors = {}

    def add(name, *shape, mean=0.0, scale=1.0):
        values = (mean + random.standard_normal(shape) * scale).astype(np.float32)
        tensors[prefix + name + ".weight"] = (values.view(np.uint32) & 0xFFFF0000).view(np.float32)  # a bf16

    add("embed_tokens", vocab, C)
    for layer in range(LAYERS):
        name = f"layers.{layer}."
        for part, rows, width in (("self_attn.q_proj", HEADS * D, C), ("self_attn.k_proj", KV_HEADS * D, C),
                                  ("self_attn.v_proj", KV_HEADS * D, C), ("self_attn.o_proj", C, HEADS * D),
                                  ("mlp.gate_proj", F, C), ("mlp.up_proj", F, C), ("mlp.down_proj", C, F)):
            add(name + part, rows, width, scale=1.5 / np.sqrt(width))
        for part, width in (("input_layernorm", C), ("post_attention_layernorm", C), ("self_attn.q_norm", D), ("self_attn.k_norm", D)):
            add(name + part, width, mean=1, scale=0.2)
    add("norm", C, mean=1, scale=0.2)
    return tensors


def write_folder(name, made, tensors, dtype, **more):
    folder = os.path.join(OUT, name)
    write_json(os.path.join(folder, "config.json"), {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_act": "silu", "hidden_size": C, "intermediate_size": F,
        "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "head_dim": D,
        "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-6, "rope_theta": 1000000, "tie_word_embeddings": True,
        "vocab_size": made.get_vocab_size(), "eos_token_id": made.token_to_id(CONTROL[0]), **more})
    write_json(os.path.join(folder, "tokenizer.json"), json.loads(made.to_str()))
    qwen3_reference.write_safetensors(os.path.join(folder, "model.safetensors"), tensors, dtype)
    return folder


def make_embedding(random):
    made = with_end(tokenizer())
    folder = write_folder("tiny-qwen3-embedding", made, weights(random, made.get_vocab_size(), ""), "BF16",
                          matryoshka_dimensions=[16, C])
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    write_json(os.path.join(folder, "modules.json"),
               [{"idx": i, "name": str(i), "path": path, "type": "sentence_transformers.models." + kind} for i, (path, kind) in enumerate(kinds)])
    write_json(os.path.join(folder, "1_Pooling/config.json"),
               {"word_embedding_dimension": C, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": False,
                "pooling_mode_lasttoken": True, "include_prompt": True})
    write_json(os.path.join(folder, "config_sentence_transformers.json"),
               {"prompts": {"query": PROMPT, "document": ""}, "default_prompt_name": None, "similarity_fn_name": "cosine"})
    model, cases = qwen3_reference.Qwen3(folder), []
    for prompt in ("", PROMPT):
        for text in TEXTS:
            ids = made.encode(prompt + text).ids
            cases.append({"prompt": prompt, "text": text, "ids": ids, "vector": model.embed(ids).tolist()})
    write_json(os.path.join(OUT, "tiny-qwen3-embedding.json"), cases)


def make_reranker(random):
    made = tokenizer()
    folder = write_folder("tiny-qwen3-reranker", made, weights(random, made.get_vocab_size(), "model."), "F32")
    before, after = (made.encode(text).ids for text in (BEFORE, AFTER))
    yes, no = made.token_to_id("yes"), made.token_to_id("no")
    model, cases = qwen3_reference.Qwen3(folder), []
    for query in QUERIES:
        for instruction in INSTRUCTIONS:
            for text in TEXTS:
                pair = f"<Instruct>: {instruction or TASK}\n<Query>: {query}\n<Document>: {text}"
                ids = before + made.encode(pair).ids + after
                cases.append({"query": query, "instruction": instruction, "text": text, "ids": ids, "logit": model.logit(ids, yes, no)})
    write_json(os.path.join(OUT, "tiny-qwen3-reranker.json"), cases[::3])


def main():
    random = np.random.default_rng(SEED)
    make_embedding(random)
    make_reranker(random)


if __name__ == "__main__":
    main()
