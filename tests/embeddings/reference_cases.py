"""The reference of reference.py, and how answers are held against it. Standard library only: every client's environment has it."""
import json
import math
import os

LEAST_COSINE = 0.9999
SCORE_TOLERANCE = 1e-3
MINILM, E5, RANKER, CHAT = "all-minilm-l6-v2", "e5-small", "tiny-ranker", "tiny"

with open(os.environ["EMBED_REFERENCE"], encoding="utf-8") as _file:
    _REFERENCE = json.load(_file)


def cases(name):
    return _REFERENCE[name]


def texts(name):
    return [case["text"] for case in cases(name)]


def tokens(name):
    return sum(len(case["ids"]) for case in cases(name))


def cosine(a, b):
    assert len(a) == len(b), f"{len(a)} numbers, not {len(b)}"
    return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def check_vectors(name, vectors):
    """One for each text of the reference, in order, near enough, of length 1."""
    assert len(vectors) == len(cases(name)), f"{len(vectors)} vectors"
    for case, vector in zip(cases(name), vectors):
        near = cosine(vector, case["vector"])
        assert near >= LEAST_COSINE, f"cosine {near} for {case['text'][:40]!r}"
        assert abs(math.sqrt(sum(x * x for x in vector)) - 1) < 1e-5


def query_cases():
    """(query, documents, scores between 0 and 1) of the cross-encoder."""
    found = {}
    for case in cases("pairs"):
        documents, scores = found.setdefault(case["query"], ([], []))
        documents.append(case["text"])
        scores.append(1 / (1 + math.exp(-case["score"])))
    return [(query, documents, scores) for query, (documents, scores) in found.items()]


def check_ranking(results, scores):
    """results: (index, score), best first, of all documents."""
    assert sorted(index for index, _ in results) == list(range(len(scores)))
    for index, score in results:
        assert abs(score - scores[index]) < SCORE_TOLERANCE, f"{score}, not {scores[index]}"
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    found = [index for index, _ in results]
    # Where the reference itself tells two apart by less than its own rounding either may come first.
    for a, b in zip(found, order):
        assert a == b or abs(scores[a] - scores[b]) < 1e-6, f"{a} stands where {b} belongs"
