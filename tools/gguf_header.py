"""What a GGUF v3 file holds before its tensors' data, written with the standard library alone.

Source: the GGUF specification (ggml project, docs/gguf.md). A file stores dimensions innermost first.
"""

import struct

ALIGNMENT = 32
TYPE_F32, TYPE_F16, TYPE_Q8_0 = 0, 1, 8

U32, I32, F32, BOOL, STRING, ARRAY, U64 = 4, 5, 6, 7, 8, 9, 10


class I32Array(list):
    """Marks a list of integers that is stored as int32 (token types)."""


def _string(text):
    data = text if isinstance(text, bytes) else text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def _value(value):
    """The type tag and the bytes of one metadata value; bool before int, since a bool is an int."""
    if isinstance(value, bool):
        return BOOL, struct.pack("<?", value)
    if isinstance(value, int):
        return U32, struct.pack("<I", value)
    if isinstance(value, float):
        return F32, struct.pack("<f", value)
    if isinstance(value, (str, bytes)):
        return STRING, _string(value)
    item_type = I32 if isinstance(value, I32Array) else _value(value[0])[0]
    items = (struct.pack("<i", v) if item_type == I32 else _value(v)[1] for v in value)
    return ARRAY, struct.pack("<IQ", item_type, len(value)) + b"".join(items)


def aligned(size):
    return size + -size % ALIGNMENT


def header(metadata, tensors):
    """tensors: list of (name, shape outermost first, TYPE_*, bytes); their data follows in this order, each aligned."""
    out = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)))
    for key, value in metadata.items():
        tag, data = _value(value)
        out += _string(key) + struct.pack("<I", tag) + data
    offset = 0
    for name, shape, kind, size in tensors:
        out += _string(name) + struct.pack("<I", len(shape))
        out += struct.pack(f"<{len(shape)}Q", *reversed(shape)) + struct.pack("<IQ", kind, offset)
        offset += aligned(size)
    return bytes(out) + b"\0" * (aligned(len(out)) - len(out))
