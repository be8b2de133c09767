"""Checks of DashScope's encoders: text-embedding at once and as a task, text-rerank."""
import gzip
import json
import time
import urllib.request

from checks import same
from doors import put, send, send_form
from objects_checks import ASKED_RANKER, ENCODER, FILES, RANKER, TOO_LONG, check_unknown_model, numerics
from patience import PATIENCE
from responses_checks import get
from structure_checks import is_refused

EMBEDDING, RERANK = "/api/v1/services/embeddings/text-embedding/text-embedding", "/api/v1/services/rerank/text-rerank/text-rerank"
AS_TASK = {"X-DashScope-Async": "enable"}
ASKED = "tiny-qwen3-embedding"  # its queries have words before them
OWN_WORDS = "Given a web search query, retrieve relevant passages that answer the query"  # where a request says none
TASK_TIMEOUT_S = 60 * PATIENCE


def file_of(server, text):
    return send_form(server, FILES, {"purpose": "batch"}, text.encode()).body["id"]


class AtOnce:
    """How a text is given and its vector got; over: places of the body and their values."""
    path, headers = EMBEDDING, {}

    def ask(self, server, text="Hello.", model=ENCODER, over=None):
        body = {"model": model, "input": self.input_of(server, text)}
        for place, value in (over or {}).items():
            put(body, place, value)
        return send(server, self.path, body, self.headers)

    def input_of(self, _, text):
        return {"texts": [text]}

    def result(self, _, answer):
        same(answer.status, 200)
        return answer.body["output"]["embeddings"]

    def vector(self, server, text="Hello.", model=ENCODER, **parameters):
        answer = self.ask(server, text, model, {"parameters." + name: value for name, value in parameters.items()})
        return self.result(server, answer)[0]["embedding"]


class AsTask(AtOnce):
    headers = AS_TASK

    def input_of(self, server, text):
        return {"url": file_of(server, text + "\n")}

    def result(self, server, answer):
        assert answer.status == 200, answer.raw
        task = answer.body["output"]
        until = time.monotonic() + TASK_TIMEOUT_S
        while task["task_status"] in ("PENDING", "RUNNING"):
            assert time.monotonic() < until, task
            time.sleep(0.02)
            task = get(server, "/api/v1/tasks/" + task["task_id"])[1]["output"]
        with urllib.request.urlopen(task["url"], timeout=TASK_TIMEOUT_S) as file:
            return [json.loads(line) for line in gzip.decompress(file.read()).splitlines()]


def check_text_type(way):
    def check(server, _):
        plain, document, query = (way.vector(server, model=ASKED, **over) for over in ({}, {"text_type": "document"}, {"text_type": "query"}))
        same(document, plain)
        assert query != plain
        is_refused(way.ask(server, over={"parameters.text_type": "passage"}), "parameters.text_type")
    return check


def check_dimension(way):
    def check(server, _):
        length = len(way.vector(server))
        same(len(way.vector(server, dimension=length)), length)
        is_refused(way.ask(server, over={"parameters.dimension": length - 1}), "parameters.dimension")
    return check


def check_instruct(way):
    def check(server, _):
        own, said, other = (way.vector(server, model=ASKED, text_type="query", **over) for over in
                            ({}, {"instruct": OWN_WORDS}, {"instruct": "Find the letter b."}))
        same(said, own)
        assert other != own
        unasked = way.ask(server, model=ASKED, over={"parameters.instruct": "Find it."})  # documents are not asked
        same((unasked.status, unasked.headers["x-studio-ignored"]), (200, "parameters.instruct"))
        is_refused(way.ask(server, over={"parameters.text_type": "query", "parameters.instruct": "x"}), "parameters.instruct")
    return check


def check_task_numerics(server, _):
    plain, default, fast = (AsTask().vector(server, **over) for over in ({}, {"numerics": "default"}, {"numerics": "fast"}))
    same(default, plain)
    assert fast != plain and sum(a * b for a, b in zip(fast, plain)) > 0.9999
    is_refused(AsTask().ask(server, over={"parameters.numerics": "exact"}), "parameters.numerics")


def check_texts(server, _):
    way = AtOnce()
    one, other = way.vector(server), way.vector(server, "A story.")
    assert one != other
    both = way.result(server, way.ask(server, over={"input.texts": ["Hello.", "A story."]}))
    same(both, [{"text_index": 0, "embedding": one}, {"text_index": 1, "embedding": other}])


def check_url(server, _):
    same(AsTask().result(server, AsTask().ask(server, "Hello.\nA story.")),
         [{"text_index": i, "embedding": AtOnce().vector(server, text)} for i, text in enumerate(("Hello.", "A story."))])
    answer = AsTask().ask(server, over={"input.url": "file-batch-none"})
    assert answer.status == 404 and "input.url" in answer.raw, answer.raw
    is_refused(AsTask().ask(server, over={"input.url": "https://example.com/a.txt"}), "input.url")


def leaves_out(ask):
    """Where it is said, the body or its parameters, fields that are unknown or refused are left out and told. ask(server, over) gives the answer."""
    def check(server, _):
        unknown = {"no_such_field": 1, "parameters.no_such": 1, "resources": [{"resource_id": "x"}]}
        for place, value in unknown.items():
            is_refused(ask(server, {place: value}), place)
            for switch in ("allow_degraded", "parameters.allow_degraded"):
                answer = ask(server, {place: value, switch: True})
                same((answer.status, answer.headers["x-studio-degraded"], answer.body["degraded"]), (200, place, {"unhonoured": [place]}))
        assert "degraded" not in ask(server, {}).raw
    return check


def check_cut_text(server, _):
    for switch in ("allow_degraded", "parameters.allow_degraded"):
        is_refused(AtOnce().ask(server, TOO_LONG, over={switch: False}), "input.texts[0]")
        cut = AtOnce().ask(server, TOO_LONG, over={switch: True})
        same((cut.status, cut.body["degraded"]), (200, {"truncated": ["input.texts[0]"]}))


def check_cut_line(server, _):
    for switch in ("allow_degraded", "parameters.allow_degraded"):
        lines = [AsTask().result(server, AsTask().ask(server, TOO_LONG, over={switch: is_on})) for is_on in (False, True)]
        same([list(each[0]) for each in lines], [["text_index", "code", "message"], ["text_index", "embedding"]])


def all_of(*all_checks):
    return lambda server, door: [check(server, door) for check in all_checks] and None


def embedding_proofs(way, source, check_source, check_numerics, check_cut):
    check_degraded = all_of(leaves_out(lambda server, over: way.ask(server, over=over)), check_cut)
    return {
        "model": lambda server, _: same((way.ask(server, model="no-such-model").status, way.ask(server, model=RANKER).status), (404, 400)),
        "input": check_source, source: check_source, "parameters": check_text_type(way), "parameters.text_type": check_text_type(way),
        "parameters.dimension": check_dimension(way), "parameters.instruct": check_instruct(way), "parameters.numerics": check_numerics,
        "allow_degraded": check_degraded, "parameters.allow_degraded": check_degraded,
    }


OF_EMBEDDING = embedding_proofs(
    AtOnce(), "input.texts", check_texts,
    numerics(EMBEDDING, lambda body: body["output"]["embeddings"][0]["embedding"], "parameters.numerics",
             lambda name: {"model": ENCODER, "input": {"texts": ["Hello, world!"]}, "parameters": {"numerics": name} if name else {}}), check_cut_text)
OF_TASK = embedding_proofs(AsTask(), "input.url", check_url, check_task_numerics, check_cut_line)


# ---- reranking ----

def rank(server, over=None, model=RANKER):
    body = {"model": model, "input": {"query": "x", "documents": ["a", "b", "c"]}}
    for place, value in (over or {}).items():
        put(body, place, value)
    return send(server, RERANK, body)


def scores(server, over=None, model=RANKER):
    answer = rank(server, over, model)
    same(answer.status, 200)
    return {item["index"]: item["relevance_score"] for item in answer.body["output"]["results"]}


def check_documents(server, _):
    plain = scores(server)
    same(sorted(plain), [0, 1, 2])
    same(plain[1], scores(server, {"input.documents": ["b"]})[0])
    same(scores(server, {"input.documents": [{"text": text} for text in "abc"]}), plain)
    assert plain != scores(server, {"input.query": "Something else."})


def check_top_n(server, _):
    best = sorted(scores(server).items(), key=lambda pair: -pair[1])[:2]
    same(list(scores(server, {"parameters.top_n": 2}).items()), best)


def check_return_documents(server, _):
    for is_wanted in (True, False):
        results = rank(server, {"parameters.return_documents": is_wanted}).body["output"]["results"]
        same([item.get("document") for item in results], [{"text": "abc"[item["index"]]} if is_wanted else None for item in results])


def check_rank_instruct(server, _):
    same(scores(server, {"parameters.instruct": OWN_WORDS}, ASKED_RANKER), scores(server, model=ASKED_RANKER))
    assert scores(server, {"parameters.instruct": "Find the letter b."}, ASKED_RANKER) != scores(server, model=ASKED_RANKER)
    is_refused(rank(server, {"parameters.instruct": "x"}), "parameters.instruct")  # this one takes none


def check_cut_document(server, _):
    for switch in ("allow_degraded", "parameters.allow_degraded"):
        over = {"input.documents": ["y", TOO_LONG]}
        is_refused(rank(server, over), "input.documents[1]")
        cut = rank(server, {**over, switch: True})
        same((cut.status, cut.body["degraded"]), (200, {"truncated": ["input.documents[1]"]}))


CHECK_RANK_DEGRADED = all_of(leaves_out(rank), check_cut_document)
OF_TEXT_RERANK = {
    "model": check_unknown_model(RERANK, {"input": {"query": "x", "documents": ["y"]}}),
    "input": check_documents, "input.query": check_documents, "input.documents": check_documents, "input.documents[].text": check_documents,
    "parameters": check_top_n, "parameters.top_n": check_top_n, "parameters.return_documents": check_return_documents,
    "parameters.instruct": check_rank_instruct, "allow_degraded": CHECK_RANK_DEGRADED, "parameters.allow_degraded": CHECK_RANK_DEGRADED,
}
