#!/usr/bin/env python3
"""Writes tests/golden/models: small random models as GGUF, token contexts, and the logits of `transformers`.

Run: "$(tools/python_env.sh golden)/bin/python" tools/golden/make_models.py
The models are F32, so nothing but arithmetic is compared. Weights are drawn wide enough that attention is sharp and a
wrong rotation, norm, bias or head order moves every logit. The formats are in tests/golden/README.md.
"""

import dataclasses
import pathlib
import sys

import numpy as np
import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "train_tiny")]

import bpe
import gguf_file
import sequence_files

OUT = ROOT / "tests" / "golden" / "models"
VOCAB = 288  # 256 bytes, a few merges, the special tokens, padding
MERGES = [("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("i", "n"), ("Ġ", "a"), ("e", "r"), ("o", "n"), ("Ġ", "s")]
CONTEXT_LENGTHS = [1, 7, 33, 77]
MAX_BYTES = 300_000


@dataclasses.dataclass(frozen=True)
class Shape:
    name: str
    arch: str          # of GGUF
    model: type        # of transformers
    config: type
    pre: str
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    layers: int
    rope_base: float
    norm_eps: float
    is_tied: bool


SHAPES = [
    # Like Qwen2.5-0.5B: biases on q, k and v, head tied to the embedding.
    Shape("qwen2", "qwen2", transformers.Qwen2ForCausalLM, transformers.Qwen2Config, "qwen2",
          64, 2, 1, 32, 64, 2, 1e6, 1e-6, True),
    # Like Qwen3-4B: norms on q and k heads, heads * head_dim is not hidden, a head of its own.
    # (make_adapters.py runs over an older release, which has no Qwen3.)
    Shape("qwen3", "qwen3", getattr(transformers, "Qwen3ForCausalLM", None), getattr(transformers, "Qwen3Config", None), "qwen2",
          32, 4, 2, 32, 96, 2, 1e6, 1e-6, False),
    # Like SmolLM2: no biases, another base, rotary pairs next to each other in the file.
    Shape("llama", "llama", transformers.LlamaForCausalLM, transformers.LlamaConfig, "smollm",
          64, 2, 1, 32, 64, 2, 1e5, 1e-5, True),
]


def make_model(shape):
    config = shape.config(
        vocab_size=VOCAB, hidden_size=shape.hidden, intermediate_size=shape.ffn, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads, head_dim=shape.head_dim,
        max_position_embeddings=2048, rms_norm_eps=shape.norm_eps, tie_word_embeddings=shape.is_tied,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_base}, attn_implementation="eager")
    model = shape.model(config).float().eval()
    random = np.random.default_rng(sum(shape.name.encode()))
    for name, weight in model.named_parameters():
        drawn = random.standard_normal(tuple(weight.shape))
        if name.endswith("norm.weight"):
            drawn = 1 + 0.2 * drawn
        elif name.endswith("bias"):
            drawn = 0.5 * drawn
        elif "embed" in name:
            drawn = 0.3 * drawn
        else:
            drawn = 1.5 * drawn / np.sqrt(weight.shape[1])
        weight.data.copy_(torch.from_numpy(drawn.astype(np.float32)))
    return model


def neighbouring_pairs(weight, heads):
    """Rows of a Llama q or k matrix in the order of GGUF: rotary pair (i, i + D/2) becomes (2i, 2i + 1)."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


LAYER_NAMES = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
               "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
               "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate",
               "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
TOP_NAMES = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def gguf_name(name):
    stem, kind = name.rsplit(".", 1)
    if stem in TOP_NAMES:
        return f"{TOP_NAMES[stem]}.{kind}"
    _, _, layer, part = stem.split(".", 3)
    return f"blk.{layer}.{LAYER_NAMES[part]}.{kind}"


def tensors_of(shape, model):
    for name, weight in model.named_parameters():
        array = weight.detach().numpy()
        if shape.arch == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            array = neighbouring_pairs(array, shape.heads if "q_proj" in name else shape.kv_heads)
        yield gguf_name(name), array, gguf_file.TYPE_F32


def metadata(shape, tokenizer):
    arch = shape.arch
    meta = {
        "general.architecture": arch,
        "general.type": "model",
        "general.name": f"Golden {shape.name}",
        f"{arch}.block_count": shape.layers,
        f"{arch}.context_length": 2048,
        f"{arch}.embedding_length": shape.hidden,
        f"{arch}.feed_forward_length": shape.ffn,
        f"{arch}.attention.head_count": shape.heads,
        f"{arch}.attention.head_count_kv": shape.kv_heads,
        f"{arch}.rope.freq_base": shape.rope_base,
        f"{arch}.attention.layer_norm_rms_epsilon": shape.norm_eps,
    }
    if arch == "qwen3":
        meta |= {f"{arch}.attention.key_length": shape.head_dim, f"{arch}.attention.value_length": shape.head_dim}
    if arch == "llama":
        meta |= {f"{arch}.vocab_size": VOCAB, f"{arch}.rope.dimension_count": shape.head_dim}
    end = tokenizer.ids["<|im_end|>"]
    return meta | {
        "general.file_type": 0,  # all F32
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": shape.pre,
        "tokenizer.ggml.tokens": tokenizer.tokens,
        "tokenizer.ggml.token_type": gguf_file.I32Array(tokenizer.types),
        "tokenizer.ggml.merges": [" ".join(pair) for pair in tokenizer.merges],
        "tokenizer.ggml.eos_token_id": end,
        "tokenizer.ggml.add_bos_token": False,
    }


def main():
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    tokenizer = bpe.Tokenizer(MERGES, VOCAB)
    for shape in SHAPES:
        model = make_model(shape)
        path = OUT / f"{shape.name}.gguf"
        gguf_file.write(path, metadata(shape, tokenizer), list(tensors_of(shape, model)))
        random = np.random.default_rng(len(shape.name))
        contexts = [random.integers(0, VOCAB, length) for length in CONTEXT_LENGTHS]
        sequence_files.write_tokens(OUT / f"{shape.name}.tokens", contexts)
        logits = [model(torch.from_numpy(ids)[None]).logits[0].numpy() for ids in contexts]
        sequence_files.write_logits(OUT / f"{shape.name}.logits", logits)
        size = path.stat().st_size
        spread = logits[-1].max() - logits[-1].min()
        print(f"{path.name}: {size} bytes, logits spread over {spread:.1f}")
        if size > MAX_BYTES:
            raise SystemExit(f"{path} is above {MAX_BYTES} bytes")


if __name__ == "__main__":
    main()
