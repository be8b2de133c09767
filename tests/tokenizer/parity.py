#!/usr/bin/env python3
"""Our ids against those of the Hugging Face `tokenizers` library, and our time on text made to be slow.

Usage: parity.py ENCODE_TOOL MEGABYTES TOKENIZER.json|FILE.gguf...
For a GGUF file the reference is built from its own vocabulary. Prints megabytes, differences and rates; counts last.
"""
import os
import resource
import struct
import subprocess
import sys
import tempfile

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

import corpus

QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
BATCH = 256
# Twice the text in at most 2.5 times the time, over every doubling together: linear is 2, the way from the cache to memory
# and a busy machine made 2.25 of it, n^1.5 would be 2.8 and a quadratic splitter or merge 4.
MOST_PER_DOUBLING = 2.5
LONG_SIZES, LONG_FROM_MEGABYTES = [2**18, 2**19, 2**20, 2**21, 2**22], 100
SHORT_SIZES = [2**18, 2**19, 2**20]
IDS_SIZE = 2**16      # where the ids are compared: the reference is slow on such text
REPEATS = 3           # the least time of so many runs: other programs only ever add to it
STACK = 128 * 1024    # of the tool's main thread: nothing recurses with the text


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


def encode(tool, path, texts, repeats=1):
    """Yields (ids, least CPU seconds) of each text."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as got:
        for text in texts:
            data = text.encode()
            given.write(struct.pack("<i", len(data)) + data)
        given.seek(0)
        subprocess.run([tool, path, str(repeats)], stdin=given, stdout=got, check=True,
                       preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, (STACK, STACK)))
        got.seek(0)
        for _ in texts:
            seconds, count = struct.unpack("<di", got.read(12))
            yield np.frombuffer(got.read(4 * count), np.int32), seconds


def show_difference(reference, text, ours):
    encoding = reference.encode(text, add_special_tokens=False)
    theirs = encoding.ids
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    begin = encoding.offsets[at][0] if at < len(theirs) else len(text)
    print(f"    differs at {text[max(0, begin - 10):begin + 20]!r}: {list(ours[at:at + 4])} against {theirs[at:at + 4]}")


def check_corpus(tool, path, reference, texts_of_kinds):
    differing = total = 0
    for kind, texts in texts_of_kinds.items():
        mb = sum(len(text.encode()) for text in texts) / 1e6
        total += mb
        differences, seconds, ours = 0, 0.0, encode(tool, path, texts)
        for start in range(0, len(texts), BATCH):
            batch = texts[start:start + BATCH]
            for text, encoding in zip(batch, reference.encode_batch_fast(batch, add_special_tokens=False)):
                ids, spent = next(ours)
                seconds += spent
                if not np.array_equal(ids, np.array(encoding.ids, np.int32)):
                    differences += 1
                    if differences <= 3:
                        show_difference(reference, text, ids)
        print(f"  {kind}: {mb:.1f} MB in {len(texts)} texts, {differences} differ; ours at {mb / seconds:.1f} MB/s", flush=True)
        differing += differences
    print(f"  in all {total:.1f} MB, {differing} texts differ", flush=True)
    return differing == 0


def check_adversarial(tool, path, reference, sizes):
    """Each pattern repeated to each size in bytes; at IDS_SIZE the ids must be the reference's, too."""
    slow, wrong, worst = [], [], (0.0, "")
    texts_of = {pattern: [pattern * (size // len(pattern.encode())) for size in [IDS_SIZE, *sizes]] for pattern in corpus.ADVERSARIAL}
    ours = encode(tool, path, [text for texts in texts_of.values() for text in texts], REPEATS)
    for pattern, texts in texts_of.items():
        results = [next(ours) for _ in texts]
        growth = (results[-1][1] / results[1][1]) ** (1 / (len(sizes) - 1))
        worst = max(worst, (growth, pattern))
        if growth > MOST_PER_DOUBLING:
            slow.append(f"{pattern!r}: {growth:.2f}")
        if not np.array_equal(results[0][0], np.array(reference.encode(texts[0], add_special_tokens=False).ids, np.int32)):
            wrong.append(pattern)
    print(f"  adversarial: {len(corpus.ADVERSARIAL)} patterns of {sizes[0]} to {sizes[-1]} bytes on a stack of {STACK // 1024} KiB; twice the text takes at "
          f"most {worst[0]:.2f} times as long ({worst[1]!r}); too slow: {slow or 'none'}; other ids: {wrong or 'none'}", flush=True)
    return not slow and not wrong


def main():
    tool, megabytes = sys.argv[1], float(sys.argv[2])
    texts = corpus.corpus(megabytes)
    results = []
    for path in sys.argv[3:]:
        print(os.path.join(os.path.basename(os.path.dirname(path)), os.path.basename(path)), flush=True)
        reference = reference_of_gguf(path) if path.endswith(".gguf") else Tokenizer.from_file(path)
        results.append(check_corpus(tool, path, reference, texts))
        results.append(check_adversarial(tool, path, reference, LONG_SIZES if megabytes >= LONG_FROM_MEGABYTES else SHORT_SIZES))
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed, 0 skipped")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
