"""Small random-weight models, the same for the same seed, written twice: as a Hugging Face folder by the `safetensors`
package, and as a GGUF file by the `gguf` package with its own table of names. The vocabulary is the built-in model's."""
import json
import os

import gguf
import numpy as np
import safetensors

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TINY = os.path.join(ROOT, "catalogue/builtin/tiny-qwen3.gguf")
ARCHITECTURES = ("qwen2", "qwen3", "llama")
CLASSES = {"qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM", "llama": "LlamaForCausalLM"}
DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
QWEN2_SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def tiny_fields():
    return {name: field.contents() for name, field in gguf.GGUFReader(TINY).fields.items()}


FIELDS = tiny_fields()
TOKENS, TYPES = FIELDS["tokenizer.ggml.tokens"], FIELDS["tokenizer.ggml.token_type"]
EOS, PAD = FIELDS["tokenizer.ggml.eos_token_id"], FIELDS["tokenizer.ggml.padding_token_id"]


def raw(values, dtype):
    """The file's bytes of f32 values."""
    if dtype == "F16":
        return values.astype(np.float16).tobytes()
    if dtype == "BF16":
        return gguf.quants.quantize(values, gguf.GGMLQuantizationType.BF16).tobytes()
    return values.tobytes()


def rounded(values, dtype):
    """The f32 values that a type holds."""
    if dtype == "F16":
        return values.astype(np.float16).astype(np.float32)
    if dtype == "BF16":
        kind = gguf.GGMLQuantizationType.BF16
        return gguf.quants.dequantize(gguf.quants.quantize(values, kind), kind)
    return values


class Model:
    """One architecture with its weights as f32 arrays by Hugging Face name, each rounded to its type: `dtype`, or all of
    them in turn ("mixed")."""

    def __init__(self, architecture, dtype="F32", seed=0, layers=2, hidden=128, heads=4, kv_heads=2, head_dim=32, wide=256):
        self.architecture, self.dtype = architecture, dtype
        self.is_tied = architecture != "llama"
        self.config = {
            "architectures": [CLASSES[architecture]], "model_type": architecture, "hidden_act": "silu", "hidden_size": hidden,
            "intermediate_size": wide, "num_hidden_layers": layers, "num_attention_heads": heads,
            "num_key_value_heads": kv_heads, "head_dim": head_dim, "vocab_size": len(TOKENS), "max_position_embeddings": 2048,
            "rms_norm_eps": 1e-06, "rope_theta": 10000.0, "rope_scaling": None, "tie_word_embeddings": self.is_tied,
            "bos_token_id": PAD, "eos_token_id": EOS, "torch_dtype": DTYPES.get(dtype, "float32"), "use_sliding_window": False}
        if architecture == "qwen2":
            del self.config["head_dim"]  # as the real files have it: hidden_size / num_attention_heads
        random = np.random.default_rng(seed)
        q, kv = heads * head_dim, kv_heads * head_dim

        def matrix(rows, width, scale=1.0):
            return random.standard_normal((rows, width), dtype=np.float32) * np.float32(scale / np.sqrt(width))

        def vector(size, around):
            return np.float32(around) + random.standard_normal(size, dtype=np.float32) * np.float32(0.1)

        self.tensors = {"model.embed_tokens.weight": matrix(len(TOKENS), hidden, 8), "model.norm.weight": vector(hidden, 1)}
        if not self.is_tied:
            self.tensors["lm_head.weight"] = matrix(len(TOKENS), hidden, 3)
        for layer in range(layers):
            add = self._adder(f"model.layers.{layer}.")
            add("input_layernorm.weight", vector(hidden, 1))
            add("self_attn.q_proj.weight", matrix(q, hidden, 2))
            add("self_attn.k_proj.weight", matrix(kv, hidden, 2))
            add("self_attn.v_proj.weight", matrix(kv, hidden))
            add("self_attn.o_proj.weight", matrix(hidden, q))
            add("post_attention_layernorm.weight", vector(hidden, 1))
            add("mlp.gate_proj.weight", matrix(wide, hidden, 2))
            add("mlp.up_proj.weight", matrix(wide, hidden))
            add("mlp.down_proj.weight", matrix(hidden, wide))
            if architecture == "qwen2":
                for name, size in (("q", q), ("k", kv), ("v", kv)):
                    add(f"self_attn.{name}_proj.bias", vector(size, 0))
            if architecture == "qwen3":
                add("self_attn.q_norm.weight", vector(head_dim, 1))
                add("self_attn.k_norm.weight", vector(head_dim, 1))
        kinds = list(DTYPES)
        self.types = {name: kinds[i % len(kinds)] if dtype == "mixed" else dtype for i, name in enumerate(self.tensors)}
        self.tensors = {name: rounded(values, self.types[name]) for name, values in self.tensors.items()}

    def _adder(self, prefix):
        def add(name, value):
            self.tensors[prefix + name] = value
        return add

    # As a folder.

    def entries(self, names):
        return {name: {"dtype": DTYPES[self.types[name]], "shape": list(self.tensors[name].shape),
                       "data": raw(self.tensors[name], self.types[name])} for name in names}

    def write_folder(self, path, shards=1):
        os.makedirs(path)
        write_json(f"{path}/config.json", self.config)
        write_text_side(path)
        names = list(self.tensors)
        if shards == 1:
            safetensors.serialize_file(self.entries(names), f"{path}/model.safetensors", {"format": "pt"})
            return path
        index = {"metadata": {"total_size": sum(len(raw(self.tensors[name], self.types[name])) for name in names)}, "weight_map": {}}
        for shard in range(shards):
            file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
            part = names[shard::shards]  # any tensor may be in any shard
            safetensors.serialize_file(self.entries(part), f"{path}/{file}", {"format": "pt"})
            index["weight_map"].update({name: file for name in part})
        write_json(f"{path}/model.safetensors.index.json", index)
        return path

    # As a GGUF file.

    def permuted(self, name, values):
        """convert_hf_to_gguf.py's LlamaModel.permute."""
        heads = {"self_attn.q_proj.weight": "num_attention_heads", "self_attn.k_proj.weight": "num_key_value_heads"}
        for end, key in heads.items():
            if self.architecture == "llama" and name.endswith(end):
                n = self.config[key]
                return values.reshape(n, 2, values.shape[0] // n // 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
        return values

    def write_gguf(self, path, quantised=None):
        """quantised: a type for all matrices, by the package's own quantiser; else the model's."""
        config = self.config
        writer = gguf.GGUFWriter(path, self.architecture)
        writer.add_block_count(config["num_hidden_layers"])
        writer.add_context_length(config["max_position_embeddings"])
        writer.add_embedding_length(config["hidden_size"])
        writer.add_feed_forward_length(config["intermediate_size"])
        writer.add_head_count(config["num_attention_heads"])
        writer.add_head_count_kv(config["num_key_value_heads"])
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
        writer.add_rope_freq_base(config["rope_theta"])
        if "head_dim" in config:
            writer.add_key_length(config["head_dim"])
            writer.add_value_length(config["head_dim"])
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("qwen2")
        writer.add_token_list(TOKENS)
        writer.add_token_types(TYPES)
        writer.add_token_merges(FIELDS["tokenizer.ggml.merges"])
        writer.add_eos_token_id(EOS)
        writer.add_bos_token_id(PAD)
        writer.add_pad_token_id(PAD)
        writer.add_add_bos_token(False)
        writer.add_chat_template(FIELDS["tokenizer.chat_template"])
        names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[self.architecture.upper()], config["num_hidden_layers"])
        for name, values in self.tensors.items():
            ours = names.get_name(name, try_suffixes=(".weight", ".bias"))
            values = self.permuted(name, values)
            kind = gguf.GGMLQuantizationType[(quantised or self.types[name]) if values.ndim == 2 else "F32"]
            writer.add_tensor(ours, gguf.quants.quantize(values, kind), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as out:
        json.dump(value, out, ensure_ascii=False)


def write_text_side(path):
    """The built-in model's vocabulary and template in the three files that Hugging Face has for them."""
    added = [{"id": i, "content": TOKENS[i], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": kind == gguf.TokenType.CONTROL} for i, kind in enumerate(TYPES)
             if kind in (gguf.TokenType.CONTROL, gguf.TokenType.USER_DEFINED)]
    vocabulary = {token: i for i, (token, kind) in enumerate(zip(TOKENS, TYPES)) if kind == gguf.TokenType.NORMAL}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    write_json(f"{path}/tokenizer.json", {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": QWEN2_SPLIT}, "behavior": "Isolated", "invert": False}, byte_level]},
        "post_processor": byte_level, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "",
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": vocabulary,
                  "merges": [merge.split(" ") for merge in FIELDS["tokenizer.ggml.merges"]]}})
    write_json(f"{path}/tokenizer_config.json", {
        "add_bos_token": False, "bos_token": None, "eos_token": TOKENS[EOS], "pad_token": {"content": TOKENS[PAD]},
        "chat_template": FIELDS["tokenizer.chat_template"], "model_max_length": 2048, "tokenizer_class": "Qwen2Tokenizer"})
    write_json(f"{path}/generation_config.json", {"eos_token_id": [EOS, PAD], "do_sample": True, "temperature": 0.7})
