"""A draft model: who may be one, and that answers are the same beside it."""
import json
import os
import struct
import urllib.request

from place import TIMEOUT_S, TINY, Place
from serving import Serve

LOCAL = ("--listen", "127.0.0.1:0", "--model", "tiny")


def answers(server):
    texts = []
    for temperature in (0, 0.9):
        body = {"model": "tiny", "messages": [{"role": "user", "content": "Count the ships."}], "max_completion_tokens": 60,
                "seed": 5, "temperature": temperature, "logprobs": True}
        request = urllib.request.Request(server.started["url"] + "/v1/chat/completions", json.dumps(body).encode(),
                                         {"Authorization": "Bearer " + server.started["key"], "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            texts.append(json.load(answer)["choices"])
    return texts


def other_vocabulary(place):
    """The built-in model, but for its first token."""
    with open(TINY, "rb") as file:
        data = bytearray(file.read())
    tokens = data.index(b"tokenizer.ggml.tokens") + len(b"tokenizer.ggml.tokens") + 4 + 4 + 8  # type, elements' type, count
    (length,) = struct.unpack_from("<Q", data, tokens)
    assert 1 <= length < 100
    data[tokens + 8] = ord("Q") if data[tokens + 8] != ord("Q") else ord("R")
    path = os.path.join(place.home, "other.gguf")
    with open(path, "wb") as file:
        file.write(data)
    return path


def test_answers_are_the_same_beside_a_draft_model():
    with Place() as place:
        small = os.path.join(place.home, "small.gguf")
        os.symlink(TINY, small)
        with Serve(place, *LOCAL) as server:
            expected = answers(server)
        with Serve(place, *LOCAL, "--draft-model", small) as server:
            assert answers(server) == expected
        with Serve(place, *LOCAL, STUDIO_ENGINE_DRAFT_MODEL="tiny") as server:  # no model guesses for itself
            assert answers(server) == expected


def test_a_draft_model_of_another_vocabulary_is_refused_at_the_start():
    with Place() as place:
        path = other_vocabulary(place)
        place.studio("serve", *LOCAL, "--draft-model", path).must(2, "engine.draft_model", path, "tiny", "vocabularies differ",
                                                                  "smaller model of the same family")
        place.studio("serve", *LOCAL, STUDIO_ENGINE_DRAFT_MODEL=path).must(2, "engine.draft_model")
        place.studio("serve", *LOCAL, "--draft-model", "/nowhere.gguf").must(3, "engine.draft_model", "/nowhere.gguf")
