"""LoRA adapters of the 0.5B as GGUF files, drawn from a seed by the standard library: both servers read the very same ones.

Factors are f16: a random sign and mantissa over one fixed exponent, so that bytes are drawn and no number is converted. What an adapter
adds moves a weight by 0.004 or so, far more than training does, so that every adapter gives answers of its own.
"""
import os
import random
import sys

from pairs import ROOT

sys.path.insert(0, os.path.join(ROOT, "tools"))
from gguf_header import ALIGNMENT, TYPE_F16, header  # noqa: E402

RANK, ALPHA = 16, 16.0
# Of Qwen2.5-0.5B: layers, and each matrix as (columns in, rows out). All seven that PEFT's "all-linear" takes.
LAYERS, HIDDEN, KEYS, FEED_FORWARD = 24, 896, 128, 4864
MATRICES = {"attn_q": (HIDDEN, HIDDEN), "attn_k": (HIDDEN, KEYS), "attn_v": (HIDDEN, KEYS), "attn_output": (HIDDEN, HIDDEN),
            "ffn_gate": (HIDDEN, FEED_FORWARD), "ffn_up": (HIDDEN, FEED_FORWARD), "ffn_down": (FEED_FORWARD, HIDDEN)}
A_EXPONENT, B_EXPONENT = -6, -5  # |a| in [1/64, 1/32), about 1 / sqrt(HIDDEN); |b| in [1/32, 1/16)


def factor(rng, count, exponent):
    """count numbers of f16, |x| in [2^exponent, 2^(exponent + 1)): of each high byte the sign and two bits of the mantissa are random."""
    high = bytes(byte & 0x83 | (exponent + 15) << 2 for byte in range(256))
    data = bytearray(rng.randbytes(2 * count))
    data[1::2] = data[1::2].translate(high)
    return bytes(data)


def write(path, seed):
    rng = random.Random(seed)
    tensors = [(f"blk.{layer}.{name}.weight.lora_{kind}", shape, exponent) for layer in range(LAYERS) for name, (columns, rows) in MATRICES.items()
               for kind, shape, exponent in (("a", (RANK, columns), A_EXPONENT), ("b", (rows, RANK), B_EXPONENT))]
    metadata = {"general.type": "adapter", "general.architecture": "qwen2", "adapter.type": "lora", "adapter.lora.alpha": ALPHA}
    with open(path, "wb") as file:
        file.write(header(metadata, [(name, shape, TYPE_F16, 2 * shape[0] * shape[1]) for name, shape, _ in tensors]))
        for _, (rows, columns), exponent in tensors:
            data = factor(rng, rows * columns, exponent)
            file.write(data + b"\0" * (-len(data) % ALIGNMENT))
