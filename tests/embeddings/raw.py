"""What clients hide, by raw HTTP: bytes in any company, rerank's aliases, usage on disk, a killed worker, many at once."""
import json
import os
import signal
import sqlite3
import sys
import threading
import time
import urllib.error
import urllib.request

import reference_cases as reference
from patience import PATIENCE
from run_cases import run_cases

URL, KEY, DATA = os.environ["STUDIO_URL"], os.environ["OPENAI_API_KEY"], os.environ["STUDIO_SERVER_DATA"]
PARTS = 8


def post(path, body):
    request = urllib.request.Request(URL + path, data=json.dumps(body).encode(),
                                     headers={"Authorization": "Bearer " + KEY, "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120 * PATIENCE) as answer:
            return answer.status, dict(answer.headers), json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), json.load(error)


def coded(model, texts):
    status, _, body = post("/v1/embeddings", {"model": model, "input": texts, "encoding_format": "base64"})
    assert status == 200, body
    return [item["embedding"] for item in body["data"]]


def test_a_text_has_the_same_bytes_in_any_company():
    for model in (reference.MINILM, reference.E5):
        texts = reference.texts(model)
        alone = [coded(model, text)[0] for text in texts]
        assert coded(model, texts) == alone
        assert coded(model, texts[::-1]) == alone[::-1]
        assert coded(model, texts * 20) == alone * 20


def test_the_same_bytes_when_many_ask_at_once():
    texts, found = reference.texts(reference.MINILM), {}
    alone = coded(reference.MINILM, texts)

    def ask(part):
        found[part] = [coded(reference.MINILM, texts[part % len(texts)])[0] for _ in range(10)]

    threads = [threading.Thread(target=ask, args=(part,)) for part in range(PARTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for part in range(PARTS):
        assert found[part] == [alone[part % len(texts)]] * 10


def test_floats_of_each_dialect_are_the_same_numbers():
    text = reference.texts(reference.MINILM)[4]
    openai = post("/compatible-mode/v1/embeddings", {"model": reference.MINILM, "input": text, "encoding_format": "float"})[2]
    dashscope = post("/api/v1/services/embeddings/text-embedding/text-embedding",
                     {"model": reference.MINILM, "input": {"texts": [text]}})[2]
    ollama = post("/api/embed", {"model": reference.MINILM, "input": text})[2]
    assert openai["data"][0]["embedding"] == dashscope["output"]["embeddings"][0]["embedding"] == ollama["embeddings"][0]


def test_rerank_by_every_name_of_its_door():
    query, documents, scores = reference.query_cases()[1]
    for path in ("/v1/reranks", "/v1/rerank", "/compatible-api/v1/reranks", "/compatible-mode/v1/reranks"):
        status, _, body = post(path, {"model": reference.RANKER, "query": query, "documents": documents})
        assert status == 200 and body["object"] == "list" and body["model"] == reference.RANKER, body
        reference.check_ranking([(item["index"], item["relevance_score"]) for item in body["results"]], scores)
        assert body["usage"]["total_tokens"] > 0
    status, _, body = post("/v1/reranks", {"model": reference.RANKER, "query": query, "documents": [{"text": text} for text in documents],
                                           "top_n": 3, "return_documents": True})
    assert [item["document"]["text"] for item in body["results"]] == [documents[item["index"]] for item in body["results"]]
    assert len(body["results"]) == 3


def test_rerank_refuses_by_name():
    base = {"model": reference.RANKER, "query": "x", "documents": ["y"]}
    for change, param, words in [({"query": ""}, "query", "missing or empty"), ({"documents": []}, "documents", "at least one"),
                                 ({"documents": ["y", 3]}, "documents[1]", "must be a text"),
                                 ({"documents": ["y"] * 501}, "documents", "may hold 500 texts"),
                                 ({"top_n": 0}, "top_n", "must be from 1"), ({"instruct": "rank well"}, "instruct", "not supported"),
                                 ({"topn": 1}, "topn", "did you mean 'top_n'"), ({"query": "x " * 200}, "query", "takes at most 128"),
                                 ({"model": reference.MINILM}, "model", "needs one that ranks documents")]:
        status, _, body = post("/v1/reranks", {**base, **change})
        assert status == 400, body
        assert body["error"]["param"] == param and words in body["error"]["message"], body
    status, headers, _ = post("/v1/reranks", {**base, "documents": ["y", "x " * 200], "allow_degraded": True})
    assert status == 200 and headers["X-Studio-Degraded"] == "truncated: documents[1]"


def test_usage_is_on_disk_when_the_answer_comes():
    for path, body, operation, tokens in [
            ("/v1/embeddings", {"model": reference.E5, "input": reference.texts(reference.E5)}, "embeddings", reference.tokens(reference.E5)),
            ("/api/embed", {"model": reference.MINILM, "input": "Hello, world!"}, "api.embed", len(reference.cases(reference.MINILM)[0]["ids"])),
            ("/v1/reranks", {"model": reference.RANKER, "query": "x", "documents": ["y"]}, "reranks", 5)]:
        status, headers, _ = post(path, body)
        assert status == 200
        with sqlite3.connect(f"file:{DATA}/studio.db?mode=ro", uri=True) as database:
            database.row_factory = sqlite3.Row
            row, = database.execute("select * from usage where request_id = ?", (headers["X-Request-Id"],))
        assert (row["operation"], row["model"], row["prompt_tokens"], row["completion_tokens"], row["outcome"]) == (
            operation, body["model"], tokens, 0, "stop"), dict(row)


def test_metrics_count_texts():
    request = urllib.request.Request(URL + "/metrics", headers={"Authorization": "Bearer " + KEY})
    with urllib.request.urlopen(request) as answer:
        text = answer.read().decode()
    assert f'studio_model_ready{{model="{reference.E5}"}} 1' in text
    count = next(line for line in text.splitlines() if line.startswith(f'studio_prompt_tokens_total{{model="{reference.E5}"}}'))
    assert float(count.split()[-1]) > 0


def worker_of(path):
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", encoding="utf-8", errors="replace") as file:
                words = file.read().split("\0")
        except OSError:
            continue
        if "worker" in words and any(word.endswith(path) for word in words) and any(DATA in word for word in words):
            return int(entry)
    raise AssertionError("no worker")


def test_a_killed_worker_costs_no_request():
    texts = reference.texts(reference.MINILM) * 60
    alone, found = coded(reference.MINILM, reference.texts(reference.MINILM)), []
    asking = threading.Thread(target=lambda: found.append(coded(reference.MINILM, texts)))
    asking.start()
    time.sleep(0.2)  # into the work: it takes about a second
    os.kill(worker_of(reference.MINILM), signal.SIGKILL)
    asking.join()
    assert found == [alone * 60]
    assert coded(reference.MINILM, reference.texts(reference.MINILM)) == alone


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
