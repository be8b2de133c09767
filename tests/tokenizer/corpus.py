"""Texts for the parity test: English, Chinese, code, mixed and random bytes, as many megabytes of each as asked for.

Real text comes from what a Debian machine has (documentation, change logs, sources, the Chinese of translated programs) and from
this repository. Where there is too little of it for the wish, its lines are drawn anew in random order.
"""
import glob
import gzip
import os
import random
import struct

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHUNK = 16384  # characters a text; long enough for every rule, short enough to name where a difference lies
KINDS = ["english", "chinese", "code", "mixed", "random"]
SPECIALS = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<tool_call>", "<think>", "</think>", "<|fim_prefix|>"]
ENGLISH = ["tests/data/accuracy/english.txt", "README.md", "docs/**/*.md", "/usr/share/common-licenses/*", "/usr/share/perl/**/*.pod",
           "/usr/share/doc/**/README*", "/usr/share/doc/**/*.txt", "/usr/share/doc/**/changelog*.gz", "/usr/share/doc/**/NEWS*",
           "/usr/share/doc/**/copyright"]
CODE = ["tests/data/accuracy/code.txt", "src/**/*.cc", "/usr/lib/python3*/**/*.py", "/usr/include/**/*.h", "/usr/include/**/*.hpp",
        "/usr/share/perl/**/*.p[ml]"]


def read(path):
    try:
        with (gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")) as file:
            return file.read().decode()
    except (UnicodeDecodeError, OSError):
        return ""


def real_files(patterns):
    for pattern in patterns:
        for path in sorted(glob.glob(os.path.join(ROOT, pattern), recursive=True)):
            if os.path.isfile(path):
                yield read(path)


def messages(path):
    """The translations in a gettext catalogue."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < 20 or data[:4] != b"\xde\x12\x04\x95":
        return
    count, _, table = struct.unpack_from("<3I", data, 8)
    for i in range(1, count):  # the first is the catalogue's own head
        size, at = struct.unpack_from("<2I", data, table + 8 * i)
        yield data[at:at + size].decode("utf-8", "replace").replace("\0", "\n")


def chinese_files():
    yield read(os.path.join(ROOT, "tests/data/accuracy/chinese.txt"))
    for path in sorted(glob.glob("/usr/share/locale/zh_*/LC_MESSAGES/*.mo")):
        yield "\n".join(messages(path))


def pieces(texts):
    for text in texts:
        for start in range(0, len(text), CHUNK):
            yield text[start:start + CHUNK]


def enough(source, rng, limit_bytes):
    """`limit_bytes` of the source's pieces; where they end, of their lines in another order."""
    lines, total = [], 0
    for piece in source:
        if total >= limit_bytes:
            return
        total += len(piece.encode())
        if len(lines) < 200_000:
            lines += piece.splitlines(keepends=True)
        yield piece
    while total < limit_bytes:
        piece = "".join(rng.choices(lines, k=200))[:CHUNK]
        total += len(piece.encode())
        yield piece


def random_piece(rng):
    kind = rng.choice(["points", "bytes", "bytes", "spaces", "specials", "hanzi"])
    if kind == "bytes":
        return rng.randbytes(4000).decode("utf-8", "replace")
    if kind == "points":
        points = (rng.choice((rng.randrange(0x250), rng.randrange(0x3000), rng.randrange(0x110000))) for _ in range(400))
        return "".join(chr(c) for c in points if not 0xD800 <= c < 0xE000)
    if kind == "spaces":
        return "".join(rng.choices([" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "a", "1", ".", "'s", "'LL", "\u017f", "é", "e\u0301"], k=400))
    if kind == "hanzi":
        return "".join(chr(rng.randrange(0x4E00, 0xA000)) for _ in range(400))
    return "".join(rng.choices(SPECIALS + ["word", " ", "7", "中文", "<|", "|>", "\n"], k=200))


def mixed_piece(rng, pools):
    """Fragments of every kind, cut anywhere, next to each other."""
    parts = []
    for _ in range(40):
        text = rng.choice(rng.choice(pools))
        at = rng.randrange(max(1, len(text)))
        parts.append(text[at:at + rng.randrange(1, 200)])
        if rng.random() < 0.2:
            parts.append(rng.choice(SPECIALS + ["🙂", "\u200d", "e\u0301", "１２３", "\r\n", "  ", "नमस्ते", "שלום", "ไทย"]))
    return "".join(parts)


def corpus(megabytes):
    """{kind: texts}, an equal share of each kind."""
    rng = random.Random(7)
    share = megabytes * 1e6 / len(KINDS)
    texts = {"english": list(enough(pieces(real_files(ENGLISH)), rng, share)),
             "chinese": list(enough(pieces(chinese_files()), rng, share)),
             "code": list(enough(pieces(real_files(CODE)), rng, share))}
    pools = list(texts.values())
    texts["mixed"] = list(enough(iter(lambda: mixed_piece(rng, pools), None), rng, share))
    texts["random"] = list(enough(iter(lambda: random_piece(rng), None), rng, share))
    return texts


# What has brought tokenisers down: runs that a splitter or a merge loop goes over again and again. Repeated to any length.
ADVERSARIAL = ["a", "A", "é", "e\u0301", "\u0301", "中", "0", "1", " ", "\t", "\n", "\r", "\r\n", " \n", "\n ", " a", "a ", "ab", "aA", "a1", ".", "!?",
               "'", "'s", "''", "_", "=-", "<|", "<|im_end|", "<|im_start|>", "\u00a0", "\u3000", "🙂", "\ufffd", "\u200b", "the ", "ha", "\u017f", "/*", "\\n"]
