"""The official OpenAI Python SDK, unmodified: embeddings, as it asks for them by itself and as floats, and its errors."""
import base64
import math
import struct
import sys

import openai
import reference_cases as reference
from run_cases import run_cases

CLIENT = openai.OpenAI(max_retries=0)


def vectors(model, **changes):
    answer = CLIENT.embeddings.create(model=model, **{"input": reference.texts(model), **changes})
    assert [item.index for item in answer.data] == list(range(len(answer.data)))
    return [item.embedding for item in answer.data], answer


def refused(param, words, **request):
    try:
        CLIENT.embeddings.create(**{"model": reference.MINILM, "input": "x", **request})
    except openai.BadRequestError as error:
        assert error.param == param, error.param
        assert words in error.message, error.message
        return
    raise AssertionError("taken")


def test_vectors_are_those_of_the_reference():
    for model in (reference.MINILM, reference.E5):
        found, answer = vectors(model)
        reference.check_vectors(model, found)
        assert answer.object == "list" and answer.model == model
        assert answer.usage.prompt_tokens == answer.usage.total_tokens == reference.tokens(model)


def test_floats_and_base64_are_the_same_bits():
    for model in (reference.MINILM, reference.E5):
        plain, _ = vectors(model, encoding_format="float")
        coded, _ = vectors(model, encoding_format="base64")
        for numbers, text in zip(plain, coded):
            assert struct.pack(f"<{len(numbers)}f", *numbers) == base64.b64decode(text)


def test_one_text_and_a_list_of_one_are_the_same():
    text = reference.texts(reference.E5)[3]
    (one,), _ = vectors(reference.E5, input=text)
    (listed,), _ = vectors(reference.E5, input=[text])
    assert one == listed


def test_token_ids_are_taken_as_they_are():
    for model in (reference.MINILM, reference.E5):
        listed, _ = vectors(model, input=[case["ids"] for case in reference.cases(model)])
        assert listed == vectors(model)[0]
        (one,), _ = vectors(model, input=reference.cases(model)[0]["ids"])
        assert one == listed[0]


def test_dimensions_are_refused_unless_the_model_was_trained_for_them():
    refused("dimensions", "must be 384 for this model", dimensions=128)
    (vector,), _ = vectors(reference.MINILM, input="x", dimensions=384)
    assert len(vector) == 384


def test_errors_name_the_field():
    refused("input", "is missing", input=None)
    refused("input", "must hold at least one text", input=[])
    refused("input", "must not be empty", input="")
    refused("input[1]", "must not be empty", input=["x", ""])
    refused("input[1]", "it is an object", input=["x", {}])
    refused("encoding_format", "must be", encoding_format="int8")
    refused("dimension", "did you mean 'dimensions'", extra_body={"dimension": 384})
    refused("input", "has 302 tokens; this model takes at most 256", input="hello " * 300)
    refused("input", "outside the vocabulary", input=[101, 99999999, 102])
    refused("input", "may hold 2048 texts", input=["x"] * 2049)


def test_models_are_named_by_what_they_are_for():
    refused("model", "this request needs one for embeddings: all-minilm-l6-v2, e5-small", model=reference.CHAT)
    refused("model", "ranks documents", model=reference.RANKER)
    try:
        CLIENT.chat.completions.create(model=reference.E5, messages=[{"role": "user", "content": "x"}])
    except openai.BadRequestError as error:
        assert error.param == "model" and "makes embeddings" in error.message, error.message
        return
    raise AssertionError("taken")


def test_an_unknown_model_is_not_found():
    try:
        CLIENT.embeddings.create(model="text-embedding-v9", input="x")
    except openai.NotFoundError as error:
        assert error.code == "model_not_found"
        return
    raise AssertionError("taken")


def test_a_long_text_is_cut_only_where_that_is_allowed():
    raw = CLIENT.embeddings.with_raw_response.create(model=reference.MINILM, input=["short", "hello " * 300],
                                                     extra_body={"allow_degraded": True})
    assert raw.headers["x-studio-degraded"] == "truncated: input[1]"
    found = raw.parse()
    assert found.usage.prompt_tokens == 3 + 256
    assert math.isfinite(sum(found.data[1].embedding))


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
