"""A small reader and writer of GGUF v3 files, as far as the tools of this repository need them.

Source: the GGUF specification (ggml project, docs/gguf.md). Tensor types: F32, F16 and Q8_0.
Arrays are row-major numpy arrays; a file stores their dimensions innermost first.
"""

import struct

import numpy as np

from gguf_header import ALIGNMENT, ARRAY, BOOL, F32, I32, STRING, TYPE_F32, TYPE_Q8_0, U32, U64, I32Array, header  # noqa: F401

Q8_0_BLOCK = 32
Q8_0_BYTES = 34  # one f16 scale and 32 signed bytes

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<?",
            U64: "<Q", 11: "<q", 12: "<d"}


def quantize_q8_0(matrix):
    """f32 [rows, cols], cols a multiple of 32, to the bytes of Q8_0: scale = max|x| / 127 per block."""
    blocks = np.ascontiguousarray(matrix, np.float32).reshape(-1, Q8_0_BLOCK)
    scale = np.abs(blocks).max(axis=1) / np.float32(127)
    with np.errstate(divide="ignore"):
        inverse = np.where(scale == 0, np.float32(0), np.float32(1) / scale)
    scaled = blocks * inverse[:, None]
    rounded = np.trunc(scaled + np.copysign(np.float32(0.5), scaled))  # half away from zero
    out = np.empty((len(blocks), Q8_0_BYTES), np.uint8)
    out[:, :2] = scale.astype("<f2").view(np.uint8).reshape(-1, 2)
    out[:, 2:] = rounded.astype(np.int8).view(np.uint8)
    return out.tobytes()


def dequantize_q8_0(data, shape):
    raw = np.frombuffer(data, np.uint8).reshape(-1, Q8_0_BYTES)
    scale = raw[:, :2].copy().view("<f2").astype(np.float32)
    return (raw[:, 2:].view(np.int8).astype(np.float32) * scale).reshape(shape)


def write(path, metadata, tensors):
    """metadata: dict of key to value. tensors: list of (name, f32 array, TYPE_*), written in this order."""
    blobs = [quantize_q8_0(array) if kind == TYPE_Q8_0 else np.ascontiguousarray(array, "<f4" if kind == TYPE_F32 else "<f2").tobytes()
             for _, array, kind in tensors]
    with open(path, "wb") as out:
        out.write(header(metadata, [(name, array.shape, kind, len(blob)) for (name, array, kind), blob in zip(tensors, blobs)]))
        for blob in blobs:
            out.write(blob + b"\0" * (-len(blob) % ALIGNMENT))


class _Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def scalar(self, tag):
        value, = struct.unpack_from(_SCALARS[tag], self.data, self.at)
        self.at += struct.calcsize(_SCALARS[tag])
        return value

    def value(self, tag):
        if tag == STRING:
            size = self.scalar(U64)
            self.at += size
            return self.data[self.at - size:self.at].decode("utf-8")
        if tag == ARRAY:
            item_tag, count = self.scalar(U32), self.scalar(U64)
            return [self.value(item_tag) for _ in range(count)]
        return self.scalar(tag)


def read(path):
    """The metadata and the tensors (name to f32 array) of a file that `write` made."""
    with open(path, "rb") as source:
        cursor = _Cursor(source.read())
    if cursor.data[:4] != b"GGUF":
        raise ValueError(f"{path} is no GGUF file")
    cursor.at = 8
    tensor_count, key_count = cursor.scalar(U64), cursor.scalar(U64)
    metadata = {}
    for _ in range(key_count):
        key = cursor.value(STRING)
        metadata[key] = cursor.value(cursor.scalar(U32))
    infos = []
    for _ in range(tensor_count):
        name, rank = cursor.value(STRING), cursor.scalar(U32)
        shape = tuple(reversed([cursor.scalar(U64) for _ in range(rank)]))
        infos.append((name, shape, cursor.scalar(U32), cursor.scalar(U64)))
    start = cursor.at + -cursor.at % ALIGNMENT
    tensors = {}
    for name, shape, kind, offset in infos:
        count, begin = int(np.prod(shape)), start + offset
        if kind == TYPE_Q8_0:
            size = count // Q8_0_BLOCK * Q8_0_BYTES
            tensors[name] = dequantize_q8_0(cursor.data[begin:begin + size], shape)
        else:
            kind_name = "<f4" if kind == TYPE_F32 else "<f2"
            tensors[name] = np.frombuffer(cursor.data, kind_name, count, begin).reshape(shape).astype(np.float32)
    return metadata, tensors
