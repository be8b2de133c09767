#!/usr/bin/env python3
"""Writes the logits that `transformers` gives for a real model file, to hold the plain reference against.

Run: "$(tools/python_env.sh golden)/bin/python" tools/golden/reference_logits.py MODEL.gguf OUT_DIR [--threads N]

Every weight is dequantised by the PyPI package `gguf` and put into Qwen2ForCausalLM, Qwen3ForCausalLM or
LlamaForCausalLM, all in f32. The contexts are cut from tests/data/accuracy (English, Chinese, code).
OUT_DIR gets `contexts.tokens` and `picked.logits` (formats: sequence_files.py). A few hundred megabytes: not for git.
"""

import argparse
import pathlib
import time

import gguf
import numpy as np
import tokenizers
import torch
import transformers

import sequence_files

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TEXTS = ROOT / "tests" / "data" / "accuracy"
LENGTHS = [16, 24, 40, 64, 100, 160, 256]  # token counts, taken in turn
CONTEXTS_PER_TEXT = 18                     # of each file of TEXTS: 54 in all
CLASSES = {"qwen2": (transformers.Qwen2ForCausalLM, transformers.Qwen2Config),
           "qwen3": (transformers.Qwen3ForCausalLM, transformers.Qwen3Config),
           "llama": (transformers.LlamaForCausalLM, transformers.LlamaConfig)}
NAMES = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
         "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
         "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm", "ffn_gate": "mlp.gate_proj",
         "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
TOP_NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
QWEN2_SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
               r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def metadata(reader):
    return {key: field.contents() for key, field in reader.fields.items()}


def halves(weight, heads):
    """Undoes the row order that GGUF gives the q and k matrices of Llama: pair (2i, 2i + 1) back to (i, i + D/2)."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def config_of(meta, names):
    arch = meta["general.architecture"]

    def get(key, default=None):
        return meta.get(f"{arch}.{key}", default)

    heads = get("attention.head_count")
    return CLASSES[arch][1](
        vocab_size=len(meta["tokenizer.ggml.tokens"]), hidden_size=get("embedding_length"),
        intermediate_size=get("feed_forward_length"), num_hidden_layers=get("block_count"),
        num_attention_heads=heads, num_key_value_heads=get("attention.head_count_kv"),
        head_dim=get("attention.key_length", get("embedding_length") // heads),
        max_position_embeddings=get("context_length"), rms_norm_eps=get("attention.layer_norm_rms_epsilon"),
        tie_word_embeddings="output.weight" not in names, attn_implementation="eager",
        rope_parameters={"rope_type": "default", "rope_theta": get("rope.freq_base", 10000.0)})


def load(path):
    """The transformers model with the weights of the file, and the metadata of the file."""
    reader = gguf.GGUFReader(path)
    meta = metadata(reader)
    config = config_of(meta, {tensor.name for tensor in reader.tensors})
    with torch.device("meta"):
        model = CLASSES[meta["general.architecture"]][0](config)
    state = {}
    for tensor in reader.tensors:
        stem, kind = tensor.name.rsplit(".", 1)
        weight = gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        weight = weight.reshape(tuple(reversed(tensor.shape.tolist())))
        if stem in TOP_NAMES:
            name = TOP_NAMES[stem]
        else:
            _, layer, part = stem.split(".")
            name = f"model.layers.{layer}.{NAMES[part]}"
            if meta["general.architecture"] == "llama" and part in ("attn_q", "attn_k"):
                weight = halves(weight, config.num_attention_heads if part == "attn_q" else config.num_key_value_heads)
        state[f"{name}.{kind}"] = torch.from_numpy(np.array(weight))
    missing, unexpected = model.load_state_dict(state, strict=False, assign=True)
    if unexpected or set(missing) - {"lm_head.weight"}:
        raise SystemExit(f"{path}: missing {missing}, unexpected {unexpected}")
    if config.tie_word_embeddings:
        model.lm_head.weight = model.model.embed_tokens.weight
    model.model.rotary_emb = type(model.model.rotary_emb)(config)  # its frequencies were made without storage
    return model.float().eval(), meta


def tokenizer_of(meta):
    """The tokenizer of Hugging Face with the vocabulary of the file; plain text only, no special tokens."""
    vocabulary = {token: index for index, token in enumerate(meta["tokenizer.ggml.tokens"])}
    merges = [tuple(merge.split(" ")) for merge in meta["tokenizer.ggml.merges"]]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, merges))
    parts = tokenizers.pre_tokenizers
    if meta["tokenizer.ggml.pre"] == "smollm":
        steps = [parts.Digits(individual_digits=True), parts.ByteLevel(add_prefix_space=False)]
    else:
        tokenizer.normalizer = tokenizers.normalizers.NFC()
        steps = [parts.Split(tokenizers.Regex(QWEN2_SPLIT), "isolated"),
                 parts.ByteLevel(add_prefix_space=False, use_regex=False)]
    tokenizer.pre_tokenizer = parts.Sequence(steps)
    return tokenizer


def contexts_of(tokenizer):
    """Token contexts spread evenly over each text, of lengths taken in turn."""
    contexts = []
    for path in sorted(TEXTS.glob("*.txt")):
        ids = tokenizer.encode(path.read_text(encoding="utf-8")).ids
        for index in range(CONTEXTS_PER_TEXT):
            length = LENGTHS[index % len(LENGTHS)]
            start = (len(ids) - length) * index // CONTEXTS_PER_TEXT
            contexts.append(ids[start:start + length])
    return contexts


def picked_positions(length):
    """The last position, where attention is widest, and three on the way there."""
    return sorted({0, length // 3, 2 * length // 3, length - 1})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    model, meta = load(options.model)
    contexts = contexts_of(tokenizer_of(meta))
    options.out.mkdir(parents=True, exist_ok=True)
    sequence_files.write_tokens(options.out / "contexts.tokens", contexts)
    started, losses = time.monotonic(), []
    with open(options.out / "picked.logits", "wb") as out:
        for index, ids in enumerate(contexts):
            inputs, positions = torch.tensor([ids]), picked_positions(len(ids))
            hidden = model.model(inputs).last_hidden_state[0]
            table = model.lm_head(hidden[positions])
            sequence_files.append_picked(out, positions, table.numpy())
            losses += [torch.nn.functional.cross_entropy(table[row], inputs[0, position + 1]).item()
                       for row, position in enumerate(positions[:-1])]
            spent = time.monotonic() - started
            print(f"\rcontext {index + 1} of {len(contexts)}, {spent:.0f} s", end="", flush=True)
    print(f"\n{len(contexts)} contexts of {min(map(len, contexts))} to {max(map(len, contexts))} tokens; "
          f"perplexity at the picked positions {np.exp(np.mean(losses)):.2f}")


if __name__ == "__main__":
    main()
