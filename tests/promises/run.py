#!/usr/bin/env python3
"""Promises: what the vendors' types let a client ask for is kept and proven, or refused by name. Usage: run.py [WORD...]

1. Each line of the lists (*.jsonl) is one promise. By the server's own tables (`studio fields --json`) it is honoured, without effect, or
   refused; one that stands in no table was forgotten, which fails. What is not honoured is asked of the real server, one per request: the
   refusal must name the field, what is without effect must be listed in X-Studio-Ignored.
2. Each honoured field has a check that proves it (proofs.py); a field without one fails.
3. docs/reference/fields.md says what the tables say.
"""
import functools
import glob
import json
import os
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
import fields_page  # noqa: E402
import proofs  # noqa: E402
import tables  # noqa: E402
from dashscope_encoder_checks import AS_TASK, EMBEDDING, RERANK, file_of  # noqa: E402
from doors import merged, put, send, send_form  # noqa: E402
from server import Server  # noqa: E402

LEAST = 40  # promises that are refused, of each dialect
ENCODERS = [os.path.join(HERE, "../golden/encoders", name) for name in ("tiny-bert", "tiny-qwen3-embedding", "tiny-ranker", "tiny-qwen3-reranker")]
BASE = {
    "POST /v1/responses/input_tokens": {"model": "tiny", "input": "x"},
    "POST /v1/conversations": {},
    "POST /v1/conversations/{id}": {"metadata": {}},
    "POST /v1/conversations/{id}/items": {"items": [{"role": "user", "content": "x"}]},
    "POST /v1/embeddings": {"model": "tiny-bert", "input": "x"},
    "POST /v1/rerank": {"model": "tiny-ranker", "query": "x", "documents": ["y"]},
    "POST /v1/files": {"purpose": "batch"},
    "POST " + EMBEDDING: {"model": "tiny-bert", "input": {"texts": ["x"]}},
    f"POST {EMBEDDING} (X-DashScope-Async: enable)": {"model": "tiny-bert", "input": {"url": "x"}},
    "POST " + RERANK: {"model": "tiny-ranker", "input": {"query": "x", "documents": ["y"]}},
    "POST /api/embed": {"model": "tiny-bert", "input": "x"},
    "POST /api/embeddings": {"model": "tiny-bert", "prompt": "x"},
    "POST /v1/batches": {"input_file_id": "x", "endpoint": "/v1/chat/completions", "completion_window": "24h"},
    "POST /v1/tokenize": {"model": "tiny"},
    "POST /v1/messages/count_tokens": {"model": "tiny", "messages": [{"role": "user", "content": "x"}]},
}
INFILL_MODEL = "qwen2.5-coder-0.5b-instruct"


class Counts:
    def __init__(self):
        self.passed, self.failed = 0, 0

    def note(self, problem, place):
        if problem:
            self.failed += 1
            print(f"FAILED {place}: {problem}", flush=True)
        else:
            self.passed += 1


def lists():
    for path in sorted(glob.glob(os.path.join(HERE, "*.jsonl"))):
        with open(path, encoding="utf-8") as file:
            first, *lines = [json.loads(line) for line in file]
        yield first["endpoint"], lines


def base_of(endpoint):
    door = proofs.proofs_of(endpoint)[1]
    if door is None:
        return BASE[endpoint]
    body = merged(door.base, {})
    put(body, door.fields["max_tokens"], door.least_tokens)  # the least answer is enough
    return body


def complete_items(items):
    """Of Responses: a call has its output, an output its call, and somebody has said something."""
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return
    for item in items:
        if set(item) == {"id"}:
            item["type"] = "item_reference"  # what it is without a type
        if item.get("type") == "function_call_output":
            item.setdefault("call_id", "x")
    ids = [[item["call_id"] for item in items if item.get("type") == kind and "call_id" in item] for kind in ("function_call", "function_call_output")]
    items[:0] = [{"type": "function_call", "call_id": name, "name": "f", "arguments": "{}"} for name in ids[1] if name not in ids[0]]
    items += [{"type": "function_call_output", "call_id": name, "output": "x"} for name in ids[0] if name not in ids[1]]
    items.append({"role": "user", "content": "x"})


def complete(body):
    """Adds what a request needs beside what a promise says, so that nothing else is its fault."""
    complete_items(body.get("input") or body.get("items"))
    said = body.get("messages")
    if said and "tool_name" in said[-1]:
        said[-1]["role"] = "tool"
    if said and said[-1].get("role") == "assistant":
        said.append({"role": "user", "content": "x"})  # else it would be continued
    for block in said[0]["content"] if said and isinstance(said[0].get("content"), list) else []:
        if block.get("type") == "tool_result" and said[0]["role"] == "user":
            call = {"type": "tool_use", "id": block["tool_use_id"], "name": "f", "input": {}}
            said[:0] = [{"role": "user", "content": "x"}, {"role": "assistant", "content": [call]}]
            break
    form = (body.get("response_format") or {}).get("json_schema")
    if isinstance(form, dict):
        form.setdefault("schema", {"type": "object"})


def body_of(endpoint, line):
    body = merged(base_of(endpoint), line.get("body", {}))
    complete(body)
    return body


def ask_at(server, endpoint, body, headers):
    path = endpoint.split(" ")[1]
    if endpoint.endswith("(X-DashScope-Async: enable)"):
        body, headers = merged(body, {"input": {"url": file_of(server, "x\n")}}), {**AS_TASK, **(headers or {})}
    if path == "/v1/files":
        return send_form(server, path, body, b"{}\n")
    if "{id}" in path:
        path = path.replace("{id}", send(server, "/v1/conversations", {}).body["id"])
    return send(server, path, body, headers)


def fault_of_refusal(answer, places):
    if not 400 <= answer.status < 500:
        return f"status {answer.status}: {answer.raw[:200]}"
    if not any(place in answer.raw for place in places):
        return f"named none of {', '.join(places)}: {answer.raw[:300]}"
    return None


def fault_of_ignored(answer, places):
    if answer.status != 200:
        return f"status {answer.status}: {answer.raw[:200]}"
    listed = answer.headers.get("x-studio-ignored", "").split(", ")
    missing = [place for place in places if place not in listed]
    return f"X-Studio-Ignored lacks {', '.join(missing)}" if missing else None


def check_promises(server, endpoints, counts):
    refused = {}
    for endpoint, lines in lists():
        table = endpoints.get(endpoint)
        if table is None:
            print(f"{endpoint}: the server has no such endpoint yet, {len(lines)} promises wait", flush=True)
            continue
        numbers = {"honoured": 0, "ignored": 0, "refused": 0}
        for line in lines:
            body = body_of(endpoint, line)
            verdict = table.verdict(body) if "body" in line else {"refused": [line["field"]], "ignored": [], "forgotten": []}
            ask = functools.partial(ask_at, server, endpoint, body, line.get("headers"))
            place = f"{endpoint} {line['field']} {json.dumps(line.get('body', line.get('headers')))[:160]}"
            if verdict["forgotten"]:
                counts.note(f"in no table: {', '.join(verdict['forgotten'])}", place)
            elif verdict["refused"]:
                numbers["refused"] += 1
                counts.note(fault_of_refusal(ask(), verdict["refused"]), place)
            elif verdict["ignored"]:
                numbers["ignored"] += 1
                counts.note(fault_of_ignored(ask(), verdict["ignored"]), place)
            else:
                numbers["honoured"] += 1
        print(f"{endpoint}: {numbers['refused']} refused by name, {numbers['ignored']} without effect, {numbers['honoured']} honoured", flush=True)
        refused[table.dialect] = refused.get(table.dialect, 0) + numbers["refused"]
    for dialect, number in refused.items():
        counts.note(None if number >= LEAST else f"{number} refused promises, fewer than {LEAST}", dialect)


def check_proofs(server, endpoints, words, counts):
    for name, table in endpoints.items():
        known, door = proofs.proofs_of(name)
        for place in table.honoured():
            if words and not any(word in f"{name} {place}" for word in words):
                continue
            check = known.get(place)
            if check is None:
                counts.note("no check proves that it is honoured", f"{name} {place}")
                continue
            try:
                check(server, door)
                counts.note(None, place)
            except Exception:  # noqa: BLE001: each counts by itself
                counts.note(traceback.format_exc(limit=-2).strip(), f"{name} {place}")
        for place in set(known) - set(table.honoured()):
            counts.note("is checked, but no table has it as honoured", f"{name} {place}")


def self_test(endpoints, counts):
    """A rule that cannot fail is no rule."""
    chat = endpoints["POST /v1/chat/completions"]
    for body, kind in (({"no_such_field": 1}, "forgotten"), ({"messages": [{"role": "user", "content": "x", "no_such": 1}]}, "forgotten"),
                       ({"audio": {}}, "refused"), ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "refused"),
                       ({"store": False}, "ignored"), ({"user": "x"}, "ignored")):
        counts.note(None if chat.verdict(body)[kind] else f"is not {kind}", json.dumps(body))


def main():
    endpoints, counts, words = tables.load(), Counts(), sys.argv[1:]
    self_test(endpoints, counts)
    models = os.environ.get("STUDIO_MODELS", "")
    infill = os.path.join(models, INFILL_MODEL + ".gguf")
    served = ["tiny", *ENCODERS] + ([infill] if models and os.path.exists(infill) else [])
    with Server(models=served) as server:
        server.infill_model = INFILL_MODEL if os.path.basename(served[-1]).startswith(INFILL_MODEL) else None
        if not words:
            check_promises(server, endpoints, counts)
        check_proofs(server, endpoints, words, counts)
    counts.note(fields_page.fault(), "docs/reference/fields.md")
    print(f"{counts.passed} passed, {counts.failed} failed, 0 skipped")
    return 1 if counts.failed or not counts.passed else 0


if __name__ == "__main__":
    sys.exit(main())
