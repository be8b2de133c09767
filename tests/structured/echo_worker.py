#!/usr/bin/python3 -SE
"""A worker that says what it is told to: the text between SAY[ and ]SAY of its prompt. All else as tests/agents/scripted_worker.py."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../agents"))
import scripted_worker  # noqa: E402


def answer(vocabulary, ids):
    said = vocabulary.decode(ids).rpartition("SAY[")[2].partition("]SAY")[0]
    return [*vocabulary.encode(said), vocabulary.end]


if __name__ == "__main__":
    scripted_worker.answer = answer
    scripted_worker.main()
