#!/usr/bin/env python3
"""PEFT's side of tests/adapters/show.sh: golden adapters again, then adapters of real models, logits against the engine's."""
import argparse
import filecmp
import pathlib
import subprocess
import sys

import numpy as np
import peft
import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools/golden"), str(ROOT / "tools/train_tiny")]

import gguf_file  # noqa: E402
import make_adapters  # noqa: E402
import make_models  # noqa: E402
import sequence_files  # noqa: E402

TOLERANCE = 1e-3  # of the range that a row of logits spans
TOKENS = 48
CLASSES = {"llama": (transformers.LlamaForCausalLM, transformers.LlamaConfig), "qwen2": (transformers.Qwen2ForCausalLM, transformers.Qwen2Config)}


def same_as_golden(folder):
    """The files that are compared with in every test run are what PEFT gives here and now."""
    golden = ROOT / "tests/golden/adapters"
    names = sorted(path.relative_to(golden) for path in golden.rglob("*") if path.is_file())
    for name in names:
        if name.suffix != ".logits":
            if not filecmp.cmp(golden / name, folder / name, shallow=False):
                raise SystemExit(f"{name} is not what PEFT saves")
            continue
        known, now = np.fromfile(golden / name, "<f4"), np.fromfile(folder / name, "<f4")
        if known.shape != now.shape or not np.allclose(known, now, atol=1e-3, equal_nan=True):  # of logits that spread over 20 and more
            raise SystemExit(f"{name} holds other logits than PEFT's")
    print(f"golden: {len(names)} files as PEFT {peft.__version__} makes them")


def hf_name(name):
    for ours, theirs in {v: k for k, v in make_models.LAYER_NAMES.items()}.items():
        if name.startswith("blk.") and name.split(".")[2] == ours:
            return f"model.layers.{name.split('.')[1]}.{theirs}.{name.split('.')[3]}"
    top = {v: k for k, v in make_models.TOP_NAMES.items()}
    stem, kind = name.rsplit(".", 1)
    return f"{top[stem]}.{kind}"


def halves(weight, heads):
    """The other way of make_models.neighbouring_pairs."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def load(path):
    meta, tensors = gguf_file.read(path)
    arch = meta["general.architecture"]
    model_class, config_class = CLASSES[arch]
    heads, kv_heads = meta[f"{arch}.attention.head_count"], meta[f"{arch}.attention.head_count_kv"]
    config = config_class(
        vocab_size=tensors["token_embd.weight"].shape[0], hidden_size=meta[f"{arch}.embedding_length"],
        intermediate_size=meta[f"{arch}.feed_forward_length"], num_hidden_layers=meta[f"{arch}.block_count"],
        num_attention_heads=heads, num_key_value_heads=kv_heads, rope_theta=meta[f"{arch}.rope.freq_base"],
        rms_norm_eps=meta[f"{arch}.attention.layer_norm_rms_epsilon"], tie_word_embeddings="output.weight" not in tensors,
        max_position_embeddings=2048)
    state = {}
    for name, array in tensors.items():
        if arch == "llama" and name.endswith(("attn_q.weight", "attn_k.weight")):
            array = halves(array, heads if "attn_q" in name else kv_heads)
        state[hf_name(name)] = torch.from_numpy(np.array(array))
    if config.tie_word_embeddings:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    model = model_class(config).float().eval()
    missing = model.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys and all("rotary" in key for key in missing.missing_keys), missing
    return model


def draw(model, rank):
    """Factors as a training leaves them: the change is some per cent of the weight."""
    random = np.random.default_rng(rank)
    for name, weight in model.named_parameters():
        if "lora_" in name:
            spread = 1 / np.sqrt(weight.shape[1]) if "lora_A" in name else 0.02 / np.sqrt(weight.shape[1])
            weight.data.copy_(torch.from_numpy((spread * random.standard_normal(tuple(weight.shape))).astype(np.float32)))


def errors(expected, actual):
    return np.abs(expected - actual).max(1) / (expected.max(1) - expected.min(1))


def check(path, work, tool):
    plain = work / "model-f32.gguf"
    subprocess.run([tool, "widen", path, plain], check=True)
    worst = 0.0
    for rank, modules in ((4, make_adapters.ALL), (16, make_adapters.ALL), (64, ["q_proj", "v_proj", "down_proj"])):
        model = load(plain)
        ids = np.random.default_rng(1).integers(0, model.config.vocab_size, TOKENS)
        base = model(torch.from_numpy(ids)[None]).logits[0].numpy()
        adapted = peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", r=rank, lora_alpha=2 * rank, target_modules=modules)).eval()
        draw(adapted, rank)
        folder = work / f"r{rank}"
        adapted.save_pretrained(folder, safe_serialization=True)
        expected = adapted(torch.from_numpy(ids)[None]).logits[0].numpy()
        sequence_files.write_tokens(work / "tokens", [ids])
        for storage in ("int16", "int8"):
            subprocess.run([tool, "logits", plain, folder, storage, work / "tokens", work / "logits"], check=True)
            actual = np.fromfile(work / "logits", "<f4").reshape(expected.shape)
            error = errors(expected, actual)
            print(f"{path.name}, rank {rank}, {storage}: logits moved by up to {errors(base, expected).max():.3f} of their range, "
                  f"error up to {error.max():.1e}, mean {error.mean():.1e}", flush=True)
            if storage == "int16":
                worst = max(worst, error.max())
    return worst < TOLERANCE


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--golden", type=pathlib.Path)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("models", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    if options.golden:
        same_as_golden(options.golden)
    results = [check(path, options.work, options.tool) for path in options.models]
    print(f"{1 + results.count(True)} passed, {results.count(False)} failed, 0 skipped")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
