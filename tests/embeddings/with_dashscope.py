"""The DashScope Python SDK, unmodified: text embeddings and rerank, and their errors."""
import os
import sys
from http import HTTPStatus

import dashscope
import reference_cases as reference
from dashscope import TextEmbedding, TextReRank
from run_cases import run_cases

dashscope.base_http_api_url = os.environ["STUDIO_URL"] + "/api/v1"
dashscope.api_key = os.environ["OPENAI_API_KEY"]


def vectors(model, texts, **changes):
    answer = TextEmbedding.call(model=model, input=texts, **changes)
    assert answer.status_code == HTTPStatus.OK, answer
    found = answer.output["embeddings"]
    assert [item["text_index"] for item in found] == list(range(len(found)))
    return [item["embedding"] for item in found], answer


def refused(answer, words, status=HTTPStatus.BAD_REQUEST, code="InvalidParameter"):
    assert (answer.status_code, answer.code) == (status, code) and answer.request_id, answer
    assert words in answer.message, answer.message


def test_vectors_are_those_of_the_reference():
    found, answer = vectors(reference.MINILM, reference.texts(reference.MINILM))
    reference.check_vectors(reference.MINILM, found)
    assert answer.usage["total_tokens"] == reference.tokens(reference.MINILM)
    assert answer.request_id


def test_text_type_puts_the_models_own_prompt_before_a_text():
    texts = reference.texts(reference.E5)[:3]
    for text_type in ("query", "document"):
        found, answer = vectors(reference.E5, texts, text_type=text_type)
        reference.check_vectors(f"{reference.E5} {text_type}", found)
        assert answer.usage["total_tokens"] == reference.tokens(f"{reference.E5} {text_type}")
    assert vectors(reference.E5, texts)[0] == vectors(reference.E5, texts, text_type="document")[0]
    alike = reference.texts(reference.MINILM)[:1]  # which has no prompts
    assert vectors(reference.MINILM, alike, text_type="query")[0] == vectors(reference.MINILM, alike)[0]


def test_one_text_is_a_list_of_one():
    found, _ = vectors(reference.MINILM, "Hello, world!")
    assert found == vectors(reference.MINILM, ["Hello, world!"])[0]


def test_errors_name_the_field():
    call = TextEmbedding.call
    refused(call(model=reference.MINILM, input="x", dimension=64), "parameters.dimension must be 384")
    refused(call(model=reference.MINILM, input="x", output_type="sparse"), "parameters.output_type is not supported")
    refused(call(model=reference.MINILM, input="x", text_type="passage"), "parameters.text_type must be")
    refused(call(model=reference.MINILM, input=["x", "hello " * 300]), "input.texts[1] has 302 tokens")
    refused(call(model=reference.CHAT, input="x"), "this request needs one for embeddings")
    refused(call(model="text-embedding-v9", input="x"), "is not served here", HTTPStatus.NOT_FOUND, "ModelNotFound")


def test_ranks_as_the_reference_does():
    for query, documents, scores in reference.query_cases():
        answer = TextReRank.call(model=reference.RANKER, query=query, documents=documents)
        assert answer.status_code == HTTPStatus.OK, answer
        reference.check_ranking([(item.index, item.relevance_score) for item in answer.output.results], scores)
        assert answer.usage["total_tokens"] > 0


def test_the_best_ones_come_with_their_documents():
    query, documents, scores = reference.query_cases()[0]
    answer = TextReRank.call(model=reference.RANKER, query=query, documents=documents, top_n=2, return_documents=True)
    results = answer.output.results
    best = sorted(range(len(scores)), key=lambda i: -scores[i])[:2]
    assert [item.index for item in results] == best
    assert [item["document"]["text"] for item in results] == [documents[i] for i in best]


def test_rerank_errors_name_the_field():
    call = TextReRank.call
    refused(call(model=reference.RANKER, query="x", documents=["y", "x " * 200]), "input.documents[1] and the query have")
    refused(call(model=reference.RANKER, query="x", documents=["y"], top_n=-1), "parameters.top_n must be")
    refused(call(model=reference.MINILM, query="x", documents=["y"]), "this request needs one that ranks documents: tiny-ranker")


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
