#!/usr/bin/env python3
"""Writes tests/golden/adapters: LoRA adapters of the small models as PEFT saves them and as GGUF, and the logits that PEFT gives.

Run: tools/golden/peft_env.sh tools/golden/make_adapters.py [FOLDER]
The models are those of make_models.py, made again from their seeds and held against their logits first. Factors are drawn so
large that an adapter moves logits by a good part of their range. The formats are in tests/golden/README.md.
"""

import dataclasses
import json
import pathlib
import shutil
import sys

import numpy as np
import peft
import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "train_tiny")]

import gguf_file
import make_models
import sequence_files

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PICKED = 8  # positions of each context, at its end


@dataclasses.dataclass(frozen=True)
class Adapter:
    name: str
    shape: str
    config: dict
    is_gguf: bool = True  # rank-stabilised scales and patterns have no word there


ADAPTERS = [Adapter(f"{shape}-r{rank}", shape, dict(r=rank, lora_alpha=alpha, target_modules=modules))
            for shape in ("qwen2", "llama")
            for rank, alpha, modules in ((4, 8, ALL), (16, 24, ALL), (64, 64, ["q_proj", "v_proj", "down_proj"]))]
ADAPTERS.append(Adapter("qwen2-patterns", "qwen2", dict(
    r=8, lora_alpha=12, target_modules=ALL, use_rslora=True, rank_pattern={"k_proj": 4, "layers.1.mlp.up_proj": 16},
    alpha_pattern={"mlp.down_proj": 6, "model.layers.0.self_attn.q_proj": 20}), is_gguf=False))


def shape_of(name):
    shape = next(shape for shape in make_models.SHAPES if shape.name == name)
    if int(transformers.__version__.split(".")[0]) >= 5:
        return shape
    older = shape.config  # takes the base of the rotation by its former name
    return dataclasses.replace(shape, config=lambda rope_parameters, **rest: older(
        rope_theta=rope_parameters["rope_theta"], **rest))


def logits_of(model, contexts):
    return [model(torch.from_numpy(np.asarray(ids))[None]).logits[0].numpy() for ids in contexts]


def check_base(shape, model, contexts):
    with open(make_models.OUT / f"{shape.name}.logits", "rb") as file:
        for table in logits_of(model, contexts):
            length = np.fromfile(file, "<i4", 1)[0]
            known = np.fromfile(file, "<f4", length * table.shape[1]).reshape(length, -1)
            error = np.abs(known - table).max() / (known.max() - known.min())
            if error > 1e-5:
                raise SystemExit(f"{shape.name}: this model is not the one of the golden logits ({error:.1e})")


def draw(model, seed):
    random = np.random.default_rng(seed)
    for name, weight in model.named_parameters():
        if "lora_" not in name:
            continue
        spread = 1 / np.sqrt(weight.shape[1]) if "lora_A" in name else 0.1 / np.sqrt(weight.shape[1])
        weight.data.copy_(torch.from_numpy((spread * random.standard_normal(tuple(weight.shape))).astype(np.float32)))


def write_gguf(path, shape, adapter, model):
    """As llama.cpp's convert_lora_to_gguf.py does: names of the base's tensors, rows of llama's q and k in its order."""
    tensors = []
    for name, weight in sorted(model.named_parameters()):
        if "lora_" not in name:
            continue
        module, kind = name.removeprefix("base_model.model.").split(".lora_")
        array = weight.detach().numpy()
        if shape.arch == "llama" and kind.startswith("B") and module.endswith(("q_proj", "k_proj")):
            array = make_models.neighbouring_pairs(array, shape.heads if module.endswith("q_proj") else shape.kv_heads)
        tensors.append((make_models.gguf_name(module + ".weight") + ".lora_" + kind[0].lower(), array, gguf_file.TYPE_F32))
    gguf_file.write(path, {"general.type": "adapter", "general.architecture": shape.arch, "adapter.type": "lora",
                           "adapter.lora.alpha": float(adapter.config["lora_alpha"])}, tensors)


def main():
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else make_models.OUT.parent / "adapters"
    out.mkdir(parents=True, exist_ok=True)
    for seed, adapter in enumerate(ADAPTERS):
        shape = shape_of(adapter.shape)
        base = make_models.make_model(shape)
        contexts = sequence_files.read_tokens(make_models.OUT / f"{shape.name}.tokens")
        check_base(shape, base, contexts)
        plain = logits_of(base, contexts)
        model = peft.get_peft_model(base, peft.LoraConfig(task_type="CAUSAL_LM", **adapter.config)).eval()
        draw(model, 100 + seed)
        folder = out / adapter.name
        model.save_pretrained(folder, safe_serialization=True)
        (folder / "README.md").unlink(missing_ok=True)
        config = json.loads((folder / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = adapter.shape
        config["target_modules"] = sorted(config["target_modules"])  # PEFT keeps a set
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
        if adapter.is_gguf:
            write_gguf(out / f"{adapter.name}.gguf", shape, adapter, model)
        tables = logits_of(model, contexts)
        with open(out / f"{adapter.name}.logits", "wb") as file:
            for table in tables:
                positions = range(max(0, len(table) - PICKED), len(table))
                sequence_files.append_picked(file, list(positions), table[list(positions)])
        moved = max(np.abs(a - b).max() / (a.max() - a.min()) for a, b in zip(tables, plain))
        print(f"{adapter.name}: PEFT {peft.__version__}, moves logits by up to {moved:.2f} of their range")


if __name__ == "__main__":
    main()
