"""Compares the engine's block decoders and GGUF writer with the `gguf` Python package, bit for bit.

Usage: decode_parity.py FORMATS_TOOL [BLOCKS]     BLOCKS random blocks per type, 100000 by default
       decode_parity.py --digests                 the package's own digests, kept in block_codec_test.cc
Blocks are uniform random bytes, so scales take every f16 pattern: zeros, subnormals, infinities and NaN among them.
Two NaN count as equal whatever their payload: which operand's payload survives a product is left open by IEEE 754.
Half of the blocks get finite scales on top, so that infinities never hide what a code decodes to.
"""
import subprocess
import sys
import tempfile

import gguf
import numpy as np

TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
         "IQ4_NL", "IQ4_XS"]
# Where the f16 scales lie in a block, in bytes.
SCALES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0]}
CHUNK = 10_000  # blocks at a time: what NumPy makes of them takes 100 bytes per element


def random_blocks(rng, name, count):
    size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]][1]
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for at in SCALES.get(name, []):
        high = blocks[: count // 2, at + 1]
        infinite = high & 0x7c == 0x7c
        high[infinite] ^= 0x40
    if name in ("F16", "BF16"):  # no block to speak of: every pattern once, then random ones
        every = np.arange(min(count, 65536), dtype=np.uint16)
        blocks[: len(every)] = every.view(np.uint8).reshape(-1, 2)
    return blocks


def differing(tool, name, blocks):
    """How many decoded values differ, how many there are, how many of them are NaN."""
    kind = gguf.GGMLQuantizationType[name]
    done = subprocess.run([tool, "decode", name], input=blocks.tobytes(), stdout=subprocess.PIPE, check=True)
    ours = np.frombuffer(done.stdout, dtype=np.float32)
    with np.errstate(all="ignore"):
        theirs = np.concatenate([gguf.quants.dequantize(blocks[i : i + CHUNK], kind).reshape(-1)
                                 for i in range(0, len(blocks), CHUNK)]).astype(np.float32)
    if ours.size != theirs.size:
        return max(ours.size, theirs.size), theirs.size, 0
    both_nan = np.isnan(ours) & np.isnan(theirs)
    return int(np.sum((ours.view(np.uint32) != theirs.view(np.uint32)) & ~both_nan)), ours.size, int(both_nan.sum())


def check_decoders(tool, count):
    failed = 0
    rng = np.random.default_rng(20251123)
    for name in TYPES:
        # A plain float is a block of one element.
        wrong, values, nan = differing(tool, name, random_blocks(rng, name, count))
        print(f"{name:7} {count} blocks, {values} values ({nan} NaN): {wrong} differ", flush=True)
        failed += wrong != 0
    return failed


def check_writer(tool):
    """The package reads what our writer wrote, and finds every value."""
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/written.gguf"
        subprocess.run([tool, "write", path], check=True)
        reader = gguf.GGUFReader(path)
        expected = {"general.architecture": "test", "test.u32": 4_000_000_000, "test.u64": 1 << 40, "test.i32": -7,
                    "test.f32": float(np.float32(0.1)), "test.bool": True, "test.strings": ["a", "", "你好"],
                    "test.integers": [-1, 0, 1], "test.floats": [-0.5, 2.0]}
        wrong = [key for key, value in expected.items() if reader.fields[key].contents() != value]
        source = (np.arange(3 * 512) * 37 % 101).astype(np.float32) / np.float32(50.5) - np.float32(1)
        found = {tensor.name: tensor for tensor in reader.tensors}
        for name in TYPES:
            values = gguf.quants.dequantize(found[name].data, found[name].tensor_type).reshape(-1)
            # Two bits leave a step of 2/3 between codes, hence errors of a third; every type stays inside that.
            if list(found[name].shape) != [512, 3] or np.abs(values - source).max() > 0.4:
                wrong.append(name)
    print(f"writer: {len(expected)} metadata values and {len(TYPES)} tensors, wrong: {wrong or 'none'}")
    return len(wrong) != 0


def splitmix_bytes(count):
    """The byte stream of SplitMix64 from seed 1, as block_codec_test.cc makes it."""
    words, state, mask = [], 1, 2**64 - 1
    for _ in range((count + 7) // 8):
        state = state + 0x9E3779B97F4A7C15 & mask
        z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        words.append(z ^ z >> 31)
    return np.array(words, dtype=np.uint64).view(np.uint8)[:count]


def print_digests():
    """FNV-1a over the 32-bit patterns of 64 blocks, every NaN counted as 7fc00000."""
    for name in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        size = gguf.GGML_QUANT_SIZES[kind][1]
        with np.errstate(all="ignore"):
            blocks = splitmix_bytes(64 * size).reshape(64, size)
            values = gguf.quants.dequantize(blocks, kind).reshape(-1).astype(np.float32)
        patterns = np.where(np.isnan(values), np.uint32(0x7FC00000), values.view(np.uint32))
        digest = 0xCBF29CE484222325
        for pattern in patterns.tolist():
            digest = (digest ^ pattern) * 0x100000001B3 % 2**64
        print(f"    {{DType::k{name}, 0x{digest:016x}}},")


def main():
    if sys.argv[1] == "--digests":
        print_digests()
        return 0
    tool = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    failed = check_decoders(tool, count) + check_writer(tool)
    print(f"{len(TYPES) + 1 - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
