"""SentencePiece's precompiled_charsmap, written: a double array over the bytes of UTF-8, and the texts it leads to.

Source: the layout as Darts-clone and sentencepiece 0.2 have it; read by src/engine/tokenizer/character_map.h.
"""
import struct

VALUE, HAS_VALUE = 1 << 31, 1 << 8


def tree_of(entries):
    root = {}
    for key, value in entries.items():
        node = root
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[None] = value
    return root


class DoubleArray:
    def __init__(self, root):
        self.units, self.taken, self.bases, self.first = {0: 0}, {0}, set(), 1
        work = [(root, 0)]
        while work:
            node, at = work.pop()
            labels = [label or 0 for label in node]  # a value is the child 0
            base = self.free_base(labels)
            self.bases.add(base)
            self.units[at] |= (at ^ base) << 10 | (HAS_VALUE if None in node else 0)
            for label, child in node.items():
                place = base ^ (label or 0)
                self.taken.add(place)
                self.units[place] = VALUE | child if label is None else label
                if label is not None:
                    work.append((child, place))
            while self.first in self.taken:
                self.first += 1

    def free_base(self, labels):
        base = self.first ^ labels[0]
        while base in self.bases or any(base ^ label in self.taken for label in labels):
            base += 1
        return base

    def bytes(self):
        size = (max(self.units) | 0xFF) + 1
        return struct.pack(f"<{size}I", *(self.units.get(i, 0) for i in range(size)))


def character_map(table):
    """table: what becomes what, both text; an empty text takes a character away."""
    texts, entries = b"", {}
    for key, text in sorted(table.items()):
        entries[key] = len(texts)
        texts += text.encode() + b"\0"
    trie = DoubleArray(tree_of(entries)).bytes()
    return struct.pack("<I", len(trie)) + trie + texts
