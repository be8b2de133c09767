#!/usr/bin/env python3
"""Our ids against those of the Hugging Face `tokenizers` library, over English, Chinese, code, mixed and random text.

Usage: parity.py ENCODE_TOOL MEGABYTES TOKENIZER.json|FILE.gguf...
For a GGUF file the reference is built from its own vocabulary. Prints megabytes, differences and rates; counts last.
"""
import glob
import os
import random
import struct
import subprocess
import sys
import tempfile

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHUNK = 16384  # characters a text; long enough for every rule, short enough to name where a difference lies
SPECIALS = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<tool_call>", "<think>", "</think>", "<|fim_prefix|>"]
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def reference_of_gguf(path):
    from gguf import GGUFReader
    fields = GGUFReader(path).fields
    strings = lambda key: [bytes(fields[key].parts[i]).decode() for i in fields[key].data]
    tokens, merges = strings("tokenizer.ggml.tokens"), strings("tokenizer.ggml.merges")
    types = [int(fields["tokenizer.ggml.token_type"].parts[i][0]) for i in fields["tokenizer.ggml.token_type"].data]
    pre = strings("tokenizer.ggml.pre")[0]
    vocab = {t: i for i, t in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[tuple(m.split(" ")) for m in merges]))
    if pre == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(QWEN2), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens([AddedToken(tokens[i], normalized=False, special=k == 3) for i, k in enumerate(types) if k in (3, 4)])
    return tokenizer


def files(patterns):
    for pattern in patterns:
        for path in sorted(glob.glob(pattern, recursive=True)):
            if os.path.isfile(path) and not path.endswith((".pyc", ".gz", ".so")):
                try:
                    with open(path, encoding="utf-8") as file:
                        yield file.read()
                except (UnicodeDecodeError, OSError):
                    continue


def random_text(rng, kind):
    if kind == "points":
        return "".join(chr(c) for c in (rng.choice((rng.randrange(0x250), rng.randrange(0x3000), rng.randrange(0x110000)))
                                        for _ in range(400)) if not 0xD800 <= c < 0xE000)
    if kind == "bytes":
        return bytes(rng.randrange(256) for _ in range(400)).decode("utf-8", "replace")
    if kind == "spaces":
        return "".join(rng.choice([" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "a", "1", ".", "'s", "'LL", "\u017f", "é", "e\u0301"])
                       for _ in range(400))
    return "".join(rng.choice(SPECIALS + ["word", " ", "7", "中文", "<|", "|>", "\n"]) for _ in range(200))


def texts(megabytes):
    """Half real text (system documents, Python and C sources, the Chinese of the repository), half generated."""
    rng = random.Random(7)
    limit, total = megabytes * 1e6, 0
    real = files([os.path.join(ROOT, "tests/data/accuracy/*.txt"), "/usr/lib/python3*/**/*.py", "/usr/include/**/*.h",
                  "/usr/share/common-licenses/*", "/usr/share/perl/**/*.p[ml]", "/usr/share/doc/**/copyright"])
    with open(os.path.join(ROOT, "tests/data/accuracy/chinese.txt"), encoding="utf-8") as file:
        chinese = [line for line in file.read().splitlines() if line]
    for text in real:
        if total > limit / 2:
            break
        for start in range(0, len(text), CHUNK):
            piece = text[start:start + CHUNK]
            total += len(piece.encode())
            yield piece
    while total < limit:
        kind = rng.choice(["points", "bytes", "spaces", "specials", "chinese", "chinese"])
        piece = "".join(rng.sample(chinese, 20)) if kind == "chinese" else random_text(rng, kind)
        total += len(piece.encode())
        yield piece


def compare(tool, path, megabytes):
    reference = reference_of_gguf(path) if path.endswith(".gguf") else Tokenizer.from_file(path)
    batch = list(texts(megabytes))
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as got:
        for text in batch:
            data = text.encode()
            given.write(struct.pack("<i", len(data)) + data)
        given.seek(0)
        done = subprocess.run([tool, path], stdin=given, stdout=got, stderr=subprocess.PIPE, check=True)
        got.seek(0)
        differences = 0
        for start in range(0, len(batch), 256):
            for text, encoding in zip(batch[start:start + 256], reference.encode_batch(batch[start:start + 256], add_special_tokens=False)):
                (count,) = struct.unpack("<i", got.read(4))
                ids = list(struct.unpack(f"<{count}i", got.read(4 * count)))
                if ids != encoding.ids:
                    differences += 1
                    if differences <= 3:
                        at = next((i for i, (a, b) in enumerate(zip(ids, encoding.ids)) if a != b), min(len(ids), count))
                        begin = encoding.offsets[at][0] if at < len(encoding.offsets) else len(text)
                        print(f"differs at {text[max(0, begin - 10):begin + 20]!r}: {ids[at:at + 4]} against {encoding.ids[at:at + 4]}")
    print(f"{os.path.basename(os.path.dirname(path)) or path}/{os.path.basename(path)}: {len(batch)} texts, {differences} differ; ours: {done.stderr.decode().strip()}")
    return differences


def main():
    tool, megabytes = sys.argv[1], float(sys.argv[2])
    failed = sum(1 for path in sys.argv[3:] if compare(tool, path, megabytes))
    print(f"{len(sys.argv) - 3 - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
