#!/usr/bin/env python3
"""Copies a GGUF file with one scale wrong by 1 %: plant_fault.py IN OUT
The scale is that of one block of 32 or 256 weights in the middle of the last layer's ffn_down: the smallest fault a
decoder can have. Needs no packages; knows only what it needs of the format (GGUF v3, tensor directory)."""
import shutil
import struct
import sys

SCALAR_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
# type: (weights per block, bytes per block, where its f16 scale stands)
BLOCKS = {2: (32, 18, 0), 3: (32, 20, 0), 6: (32, 22, 0), 7: (32, 24, 0), 8: (32, 34, 0), 12: (256, 144, 0), 13: (256, 176, 0),
          14: (256, 210, 208)}
WRONG_BY = 1.01


class Reader:
    def __init__(self, file):
        self.file = file

    def take(self, form):
        return struct.unpack("<" + form, self.file.read(struct.calcsize("<" + form)))[0]

    def text(self):
        return self.file.read(self.take("Q")).decode()

    def value(self, kind):
        """The value of a scalar; None for what is skipped."""
        if kind == 8:
            return self.text()
        if kind == 9:
            inner, count = self.take("I"), self.take("Q")
            for _ in range(count if inner in (8, 9) else 0):
                self.value(inner)
            if inner not in (8, 9):
                self.file.seek(SCALAR_BYTES[inner] * count, 1)
            return None
        raw = self.file.read(SCALAR_BYTES[kind])
        return int.from_bytes(raw, "little")


def scale_place(path):
    with open(path, "rb") as file:
        reader = Reader(file)
        file.seek(8)
        tensors, pairs, alignment, last = reader.take("Q"), reader.take("Q"), 32, None
        for _ in range(pairs):
            key = reader.text()
            value = reader.value(reader.take("I"))
            alignment = value if key == "general.alignment" else alignment
        for _ in range(tensors):
            name = reader.text()
            shape = [reader.take("Q") for _ in range(reader.take("I"))]
            kind, offset = reader.take("I"), reader.take("Q")
            if name.endswith("ffn_down.weight") and kind in BLOCKS:
                layer = int(name.split(".")[1])
                last = max(last or (-1,), (layer, kind, offset, shape))
        data = -(-file.tell() // alignment) * alignment
    _, kind, offset, shape = last
    weights, size, scale_at = BLOCKS[kind]
    blocks = shape[0] * shape[1] // weights
    return data + offset + blocks // 2 * size + scale_at


def main():
    source, target = sys.argv[1:]
    place = scale_place(source)
    shutil.copyfile(source, target)
    with open(target, "r+b") as file:
        file.seek(place)
        scale = struct.unpack("<e", file.read(2))[0]
        file.seek(place)
        file.write(struct.pack("<e", scale * WRONG_BY))
    print(f"scale at byte {place}: {scale:.6g} became {scale * WRONG_BY:.6g}")


if __name__ == "__main__":
    main()
