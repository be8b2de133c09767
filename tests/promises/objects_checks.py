"""Checks of OpenAI's endpoints beside generation: embeddings, reranking, files, batches."""
import base64
import json
import struct

from checks import same
from doors import send, send_form
from responses_checks import get
from structure_checks import is_refused

ENCODER, RANKER, ASKED_RANKER = "tiny-bert", "tiny-ranker", "tiny-qwen3-reranker"  # of random weights: tests/golden/encoders
EMBEDDINGS, RERANK, BATCHES, FILES = "/v1/embeddings", "/v1/rerank", "/v1/batches", "/v1/files"
TOO_LONG = "word " * 2000


def embed(server, **over):
    return send(server, EMBEDDINGS, {"model": ENCODER, "input": "Hello.", **over})


def vectors(server, **over):
    return [item["embedding"] for item in embed(server, **over).body["data"]]


def check_input(server, _):
    two = vectors(server, input=["Hello.", "A story."])
    same(two[0], vectors(server)[0])
    assert two[0] != two[1]
    same(vectors(server, input=[[5, 6], [7]]), vectors(server, input=[5, 6]) + vectors(server, input=[7]))


def check_encoding(server, _):
    plain, coded = vectors(server, encoding_format="float")[0], vectors(server, encoding_format="base64")[0]
    same(list(struct.unpack(f"<{len(plain)}f", base64.b64decode(coded))), [struct.unpack("<f", struct.pack("<f", value))[0] for value in plain])
    is_refused(embed(server, encoding_format="x"), "encoding_format")


def check_dimensions(server, _):
    """A model that was not trained for it has vectors of one length alone."""
    length = len(vectors(server)[0])
    same(len(vectors(server, dimensions=length)[0]), length)
    is_refused(embed(server, dimensions=length - 1), "dimensions")


CLASSES = {"default": "x86-f32-encoder-v1", "fast": "x86-i16-encoder-v1"}  # of numerics


def numerics(path, read, place, over):
    """Each class is named in the answer; the default one has the bytes of a request that names none, the fast one others near them."""
    def check(server, _):
        plain = send(server, path, over(None))
        assert "x-studio-numerics" not in plain.headers
        found = {}
        for name, told in CLASSES.items():
            answer = send(server, path, over(name))
            same(answer.headers["x-studio-numerics"], told)
            found[name] = read(answer.body)
        same(found["default"], read(plain.body))
        assert found["fast"] != found["default"]
        assert sum(a * b for a, b in zip(found["fast"], found["default"])) > 0.9999
        is_refused(send(server, path, over("exact")), place)
    return check


def degrades(path, body, too_long, place):
    """Fields that are unknown are left out, texts that are too long lose their end, and both are told."""
    def check(server, _):
        is_refused(send(server, path, {**body, "no_such_field": 1}), "no_such_field")
        part = send(server, path, {**body, "no_such_field": 1, "allow_degraded": True})
        same(part.body["degraded"], {"unhonoured": ["no_such_field"]})
        same(part.headers["x-studio-degraded"], "no_such_field")
        is_refused(send(server, path, {**body, **too_long}), place)
        cut = send(server, path, {**body, **too_long, "allow_degraded": True})
        same((cut.status, cut.body["degraded"]), (200, {"truncated": [place]}))
        assert "degraded" not in send(server, path, body).raw
    return check


def check_unknown_model(path, body):
    def check(server, _):
        answer = send(server, path, {**body, "model": "no-such-model"})
        assert answer.status == 404 and "no-such-model" in answer.raw, answer.raw
    return check


OF_EMBEDDINGS = {
    "model": check_unknown_model(EMBEDDINGS, {"input": "x"}), "input": check_input, "encoding_format": check_encoding, "dimensions": check_dimensions,
    "numerics": numerics(EMBEDDINGS, lambda body: body["data"][0]["embedding"], "numerics",
                         lambda name: {"model": ENCODER, "input": "Hello, world!", **({"numerics": name} if name else {})}),
    "allow_degraded": degrades(EMBEDDINGS, {"model": ENCODER, "input": "x"}, {"input": TOO_LONG}, "input"),
}


# ---- Ollama's two ----

def check_ollama_input(server, _):
    two = send(server, "/api/embed", {"model": ENCODER, "input": ["Hello.", "A story."]}).body["embeddings"]
    assert two[0] != two[1]
    same(two[0], send(server, "/api/embed", {"model": ENCODER, "input": "Hello."}).body["embeddings"][0])


def check_ollama_prompt(server, _):
    one, other = (send(server, "/api/embeddings", {"model": ENCODER, "prompt": text}).body["embedding"] for text in ("Hello.", "A story."))
    assert one != other
    same(one, send(server, "/api/embed", {"model": ENCODER, "input": "Hello."}).body["embeddings"][0])


def check_ollama_truncate(server, _):
    is_refused(send(server, "/api/embed", {"model": ENCODER, "input": TOO_LONG, "truncate": False}), "input")
    cut = send(server, "/api/embed", {"model": ENCODER, "input": TOO_LONG, "truncate": True})
    same((cut.status, cut.body["degraded"]), (200, {"truncated": ["input"]}))


def check_ollama_dimensions(server, _):
    length = len(vectors(server)[0])
    same(send(server, "/api/embed", {"model": ENCODER, "input": "x", "dimensions": length}).status, 200)
    is_refused(send(server, "/api/embed", {"model": ENCODER, "input": "x", "dimensions": length - 1}), "dimensions")


def ollama_proofs(path, body, own):
    def check_context(server, _):
        is_refused(send(server, path, {**body, "options": {"num_ctx": 1 << 20}}), "options.num_ctx")
        same(send(server, path, {**body, "options": {"num_ctx": 8}}).status, 200)

    def check_degraded(server, _):
        is_refused(send(server, path, {**body, "no_such_field": 1}), "no_such_field")
        for over, name in (({"no_such_field": 1, "allow_degraded": True}, "no_such_field"),
                           ({"options": {"no_such": 1, "allow_degraded": True}}, "options.no_such")):
            answer = send(server, path, {**body, **over})
            same((answer.headers["x-studio-degraded"], answer.body["degraded"]), (name, {"unhonoured": [name]}))
    def first(found):
        return found["embeddings"][0] if "embeddings" in found else found["embedding"]
    check_numerics = numerics(path, first, "options.numerics", lambda name: {**body, "options": {"numerics": name} if name else {}})
    return {"options.numerics": check_numerics, "model": check_unknown_model(path, {name: value for name, value in body.items() if name != "model"}), "options": check_context,
            "options.num_ctx": check_context, "allow_degraded": check_degraded, "options.allow_degraded": check_degraded, **own}


OF_OLLAMA_EMBED = ollama_proofs("/api/embed", {"model": ENCODER, "input": "x"}, {
    "input": check_ollama_input, "truncate": check_ollama_truncate, "dimensions": check_ollama_dimensions})
OF_OLLAMA_EMBEDDINGS = ollama_proofs("/api/embeddings", {"model": ENCODER, "prompt": "x"}, {"prompt": check_ollama_prompt})


# ---- reranking, files, batches ----

def rank(server, **over):
    return send(server, RERANK, {"model": RANKER, "query": "x", "documents": ["a", "b", "c"], **over})


def scores(server, **over):
    return {item["index"]: item["relevance_score"] for item in rank(server, **over).body["results"]}


def check_documents(server, _):
    all_of_it = scores(server)
    same(sorted(all_of_it), [0, 1, 2])
    same(all_of_it[1], scores(server, documents=["b"])[0])
    same(scores(server, documents=[{"text": text} for text in "abc"]), all_of_it)
    assert all_of_it != scores(server, query="Something else.")


def check_top_n(server, _):
    best = sorted(scores(server).items(), key=lambda pair: -pair[1])[:2]
    same(list(scores(server, top_n=2).items()), best)


def check_return_documents(server, _):
    for is_wanted in (True, False):
        results = rank(server, return_documents=is_wanted).body["results"]
        same([item.get("document") for item in results], [{"text": "abc"[item["index"]]} if is_wanted else None for item in results])


def check_instruct(server, _):
    def asked(**over):
        return scores(server, model=ASKED_RANKER, **over)

    own = "Given a web search query, retrieve relevant passages that answer the query"  # the model's, where nothing is said
    same(asked(instruct=own), asked())
    assert asked(instruct="Find the letter b.") != asked()
    is_refused(rank(server, instruct="x"), "instruct")  # this one takes none


OF_RERANK = {
    "instruct": check_instruct,
    "model": check_unknown_model(RERANK, {"query": "x", "documents": ["y"]}), "query": check_documents, "documents": check_documents,
    "documents[].text": check_documents,
    "top_n": check_top_n, "return_documents": check_return_documents,
    "allow_degraded": degrades(RERANK, {"model": RANKER, "query": "x", "documents": ["y"]}, {"documents": ["y", TOO_LONG]}, "documents[1]"),
}


def line(url="/v1/chat/completions"):
    return {"custom_id": "a", "method": "POST", "url": url, "body": {"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": 1}}


def upload(server, data=None, **fields):
    return send_form(server, FILES, {"purpose": "batch", **fields}, data or json.dumps(line()).encode() + b"\n")


def check_file(server, _):
    made = upload(server, b"{}\n\xff\n").body
    same((made["bytes"], made["filename"]), (5, "in.jsonl"))
    same(send_form(server, FILES, {"purpose": "batch"}, None).status, 400)


def check_purpose(server, _):
    for purpose in ("batch", "file-extract"):
        made = send_form(server, FILES, {"purpose": purpose}, b"x", name="a.txt").body
        same(get(server, f"{FILES}/{made['id']}")[1]["purpose"], purpose)
    is_refused(upload(server, purpose="assistants"), "purpose")


def check_degraded_file(server, _):
    is_refused(upload(server, no_such_field="1"), "no_such_field")
    made = upload(server, no_such_field="1", allow_degraded="true")
    same((made.body["degraded"], made.headers["x-studio-degraded"]), ({"unhonoured": ["no_such_field"]}, "no_such_field"))


OF_FILES = {"file": check_file, "purpose": check_purpose, "allow_degraded": check_degraded_file}


def create(server, data=None, **over):
    body = {"input_file_id": upload(server, data).body["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h", **over}
    return send(server, BATCHES, body)


def ended(server, batch):
    while batch["status"] in ("validating", "in_progress", "finalizing"):
        batch = get(server, f"{BATCHES}/{batch['id']}")[1]
    return batch


def check_input_file(server, _):
    batch = ended(server, create(server).body)
    same((batch["status"], batch["request_counts"]["completed"]), ("completed", 1))
    answer = create(server, input_file_id="file-batch-none")
    assert answer.status == 404 and "input_file_id" in answer.raw, answer.raw


def check_endpoint(server, _):
    same(ended(server, create(server, json.dumps(line("/v1/completions")).encode()).body)["status"], "failed")
    is_refused(create(server, endpoint="/v1/videos"), "endpoint")


def check_window(server, _):
    for window, hours in (("24h", 24), ("2d", 48)):
        batch = create(server, completion_window=window).body
        same(batch["expires_at"] - batch["created_at"], hours * 3600)
    is_refused(create(server, completion_window="1h"), "completion_window")


def check_metadata(server, _):
    batch = create(server, metadata={"a": "b"}).body
    same(get(server, f"{BATCHES}/{batch['id']}")[1]["metadata"], {"a": "b"})


def check_degraded_batch(server, _):
    is_refused(create(server, no_such_field=1), "no_such_field")
    batch = create(server, no_such_field=1, allow_degraded=True)
    same((batch.body["degraded"], batch.headers["x-studio-degraded"]), ({"unhonoured": ["no_such_field"]}, "no_such_field"))


OF_BATCHES = {"input_file_id": check_input_file, "endpoint": check_endpoint, "completion_window": check_window, "metadata": check_metadata,
              "allow_degraded": check_degraded_batch}
