"""The Ollama Python client, unmodified: embed, embeddings, what a model can do, and errors."""
import os
import sys

import ollama
import reference_cases as reference
from run_cases import run_cases

CLIENT = ollama.Client(host=os.environ["STUDIO_URL"], headers={"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]})


def refused(call, words, status=400):
    try:
        call()
    except ollama.ResponseError as error:
        assert error.status_code == status, error
        assert words in error.error, error.error
        return
    raise AssertionError("taken")


def test_vectors_are_those_of_the_reference():
    for model in (reference.MINILM, reference.E5):
        answer = CLIENT.embed(model=model, input=reference.texts(model))
        reference.check_vectors(model, answer.embeddings)
        assert answer.prompt_eval_count == reference.tokens(model)
        assert answer.total_duration > 0 and answer.load_duration == 0 and answer.model == model


def test_the_older_form_gives_the_same_vector():
    text = reference.texts(reference.E5)[3]
    old = CLIENT.embeddings(model=reference.E5 + ":latest", prompt=text).embedding
    assert list(old) == list(CLIENT.embed(model=reference.E5, input=text).embeddings[0])


def test_nothing_asked_is_a_model_loaded():
    assert list(CLIENT.embed(model=reference.MINILM, input="").embeddings) == []
    assert list(CLIENT.embed(model=reference.MINILM, input=[]).embeddings) == []
    assert list(CLIENT.embeddings(model=reference.MINILM, prompt="").embedding) == []


def test_a_long_text_is_cut_where_that_is_asked_for():
    refused(lambda: CLIENT.embed(model=reference.MINILM, input=["x", "hello " * 300]), "input[1] has 302 tokens")
    refused(lambda: CLIENT.embed(model=reference.MINILM, input="hello " * 300, truncate=False), "input has 302 tokens")
    answer = CLIENT.embed(model=reference.MINILM, input="hello " * 300, truncate=True)
    assert answer.prompt_eval_count == 256
    assert list(answer.embeddings[0]) == list(CLIENT.embed(model=reference.MINILM, input="hello " * 254).embeddings[0])


def test_errors_name_the_field():
    embed = CLIENT.embed
    refused(lambda: embed(model=reference.MINILM, input="x", dimensions=64), "dimensions must be 384")
    refused(lambda: embed(model=reference.MINILM, input="x", options={"num_ctx": 4096}), "options.num_ctx must be at most 256")
    refused(lambda: embed(model=reference.MINILM, input="x", options={"vocab_only": True}), "options.vocab_only")
    refused(lambda: embed(model=reference.CHAT, input="x"), "this request needs one for embeddings")
    refused(lambda: CLIENT.chat(model=reference.E5, messages=[{"role": "user", "content": "x"}]), "makes embeddings")
    refused(lambda: CLIENT.generate(model=reference.RANKER, prompt="x"), "ranks documents")


def test_options_without_effect_are_accepted():
    answer = CLIENT.embed(model=reference.MINILM, input="x", keep_alive="5m", options={"temperature": 0.5, "num_thread": 2})
    assert len(answer.embeddings[0]) == 384


def test_a_model_says_what_it_can():
    shown = CLIENT.show(reference.MINILM)
    assert shown.capabilities == ["embedding"]
    assert shown.modelinfo["bert.embedding_length"] == 384
    assert CLIENT.show(reference.RANKER).capabilities == ["rerank"]


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
