"""The two plain files of the accuracy tests, little endian: see tests/golden/README.md.

tokens:  for each sequence  int32 T, T x int32 ids
logits:  for each sequence  int32 T, T x V x f32
picked:  for each sequence  int32 P, P x int32 positions, P x V x f32
"""

import numpy as np


def write_tokens(path, sequences):
    with open(path, "wb") as out:
        for ids in sequences:
            out.write(np.int32(len(ids)).tobytes() + np.asarray(ids, "<i4").tobytes())


def read_tokens(path):
    data, at, sequences = np.fromfile(path, "<i4"), 0, []
    while at < len(data):
        sequences.append(data[at + 1:at + 1 + data[at]].tolist())
        at += 1 + data[at]
    return sequences


def write_logits(path, tables):
    with open(path, "wb") as out:
        for table in tables:
            out.write(np.int32(len(table)).tobytes() + np.ascontiguousarray(table, "<f4").tobytes())


def append_picked(out, positions, table):
    out.write(np.int32(len(positions)).tobytes() + np.asarray(positions, "<i4").tobytes())
    out.write(np.ascontiguousarray(table, "<f4").tobytes())
