#!/usr/bin/env python3
"""Runs the transcripts of this folder against a real server with the built-in model. Usage: run.py [FILE...]
The README says what stands in a transcript."""
import glob
import json
import os
import re
import sys
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
from patience import PATIENCE  # noqa: E402
from server import Server  # noqa: E402

TIMEOUT_S = 60 * PATIENCE
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "What is a violin?"}], "max_tokens": 8, "temperature": 0.7,
        "seed": 7, "enable_thinking": False}
COMPLETION = {"model": "tiny", "prompt": "The violin is", "max_tokens": 8, "temperature": 0.7, "seed": 7}
ENCODERS = os.path.join(HERE, "../golden/encoders")  # of random weights
MODELS = ["tiny", *(os.path.join(ENCODERS, name) for name in ("tiny-bert", "tiny-ranker", "tiny-qwen3-embedding", "tiny-qwen3-reranker"))]
ABSENT = object()


def blocks(path):
    block, number = [], 0
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        line = line.rstrip("\n")
        if line.startswith("#"):
            continue
        if not line.strip():
            if block:
                yield block
            block = []
        elif line.startswith("  "):
            block[-1] = (block[-1][0], block[-1][1] + " " + line.strip(), block[-1][2])
        else:
            key, _, value = line.partition(":")
            block.append((key.strip(), value.strip(), f"{os.path.basename(path)}:{number}"))
    if block:
        yield block


def merged(base, text):
    body = dict(base)
    for key, value in json.loads(text or "{}").items():
        if value is None:
            body.pop(key, None)
        else:
            body[key] = value
    return body


def form_of(fields):
    """multipart/form-data of {name: text} and {name: {"file": name, "text": bytes}}."""
    body = ""
    for name, value in fields.items():
        is_file = isinstance(value, dict)
        body += f'--b\r\nContent-Disposition: form-data; name="{name}"' + (f'; filename="{value["file"]}"' if is_file else "")
        body += f'\r\n\r\n{value["text"] if is_file else value}\r\n'
    return body + "--b--\r\n"


def request_of(block):
    method, path, body, headers = "POST", "", None, {}
    for key, value, _ in block:
        if key == "chat":
            path, body = "/v1/chat/completions", json.dumps(merged(CHAT, value))
        elif key == "completion":
            path, body = "/v1/completions", json.dumps(merged(COMPLETION, value))
        elif key == "request":
            method, path, *rest = value.split(" ", 2)
            body = rest[0] if rest else None
        elif key == "form":
            path, _, fields = value.partition(" ")
            body, headers = form_of(json.loads(fields)), {"Content-Type": "multipart/form-data; boundary=b"}
        elif key == "header":
            name, _, text = value.partition(":")
            headers[name.strip()] = text.strip()
    if body and body.startswith("repeat "):  # repeat COUNT TEXT: a body too long to write down
        _, count, text = body.split(" ", 2)
        body = text.replace("...", "x " * int(count))
    return method, path, body, headers


def send(server, block):
    method, path, body, headers = request_of(block)
    fields = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json", **headers}
    request = urllib.request.Request(server.url + path, method=method, data=body.encode() if body is not None else None,
                                     headers={k: v for k, v in fields.items() if v})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def of_stream(text):
    """The chunks of a stream and what they add up to."""
    data = [line[6:] for line in text.split("\n") if line.startswith("data: ")]
    done = bool(data) and data[-1] == "[DONE]"
    events = [json.loads(item) for item in data if item != "[DONE]"]
    choices, usage, error = {}, None, None
    for event in events:
        usage = event.get("usage") or usage
        error = event.get("error") or error
        for choice in event.get("choices", []):
            one = choices.setdefault(choice["index"], {"text": "", "reasoning": "", "finish": None, "logprobs": []})
            delta = choice.get("delta", {})
            one["text"] += delta.get("content") or choice.get("text") or ""
            one["reasoning"] += delta.get("reasoning_content") or ""
            one["finish"] = choice.get("finish_reason") or one["finish"]
            if choice.get("logprobs"):
                one["logprobs"] += choice["logprobs"].get("content") or choice["logprobs"].get("tokens") or []
    ordered = [choices[i] for i in sorted(choices)]
    first = ordered[0] if ordered else {"text": "", "reasoning": "", "finish": None}
    return {"events": events, "choices": ordered, "usage": usage, "done": done, "error": error, "raw": text, "text": first["text"],
            "reasoning": first["reasoning"], "finish": first["finish"]}


def answer_of(status, headers, text):
    kind = headers.get("Content-Type", "")
    if "event-stream" in kind:
        value = of_stream(text)
    elif "ndjson" in kind:
        value = {"raw": text, "lines": [json.loads(line) for line in text.splitlines()]}
    elif "json" in kind:
        value = json.loads(text)
        if isinstance(value, dict):
            value = {**value, "body": value}
        if isinstance(value, dict) and value.get("choices"):
            message = value["choices"][0].get("message") or {}
            value["text"] = message.get("content", value["choices"][0].get("text"))
            value["reasoning"] = message.get("reasoning_content", "")
            value["finish"] = value["choices"][0]["finish_reason"]
    else:
        value = {"text": text}
    value["status"] = status
    value["header"] = {name.lower(): text for name, text in headers.items()}
    return value


def look_up(value, path):
    for part in re.findall(r"[^.\[\]]+|\[-?\d+\]", path):
        if part.startswith("["):
            index = int(part[1:-1])
            if not isinstance(value, list) or not -len(value) <= index < len(value):
                return ABSENT
            value = value[index]
        elif part == "length":
            value = len(value)
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return ABSENT
    return value


OPERATORS = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "has": lambda a, b: b in a, "lacks": lambda a, b: b not in a,
    "like": lambda a, b: re.search(b, a, re.S) is not None,
}


def holds(answer, earlier, promise):
    """None, or what is wrong."""
    if re.fullmatch(r"\d+", promise):
        return None if answer["status"] == int(promise) else f"status {answer['status']}"
    path, operator, wanted = (promise.split(" ", 2) + [""])[:3]
    value = look_up(answer, path)
    if operator == "is":
        return None if (value is ABSENT) == (wanted == "absent") else f"{path} is {value!r}"
    if wanted.startswith("@"):
        name, _, inner = wanted[1:].partition(".")
        wanted = look_up(earlier[name], inner)
    else:
        wanted = json.loads(wanted)
    if value is ABSENT:
        return f"{path} is absent"
    try:
        return None if OPERATORS[operator](value, wanted) else f"{path} is {str(value)[:300]!r}"
    except TypeError as error:
        return f"{path}: {error}"


def run_block(server, block, earlier):
    name = next(value for key, value, _ in block if key == "name")
    answer = answer_of(*send(server, block))
    label = next((value for key, value, _ in block if key == "as"), None)
    if label:
        earlier[label] = answer
    faults = []
    for key, value, where in block:
        if key == "expect":
            fault = holds(answer, earlier, value)
            if fault:
                faults.append(f"{where}: expected {value}; {fault}")
    if faults:
        print(f"FAILED {name}\n    " + "\n    ".join(faults) + f"\n    answer: {json.dumps(answer)[:600]}", flush=True)
    return not faults


def main():
    files = sys.argv[1:] or sorted(glob.glob(os.path.join(HERE, "*.transcripts")))
    passed = failed = 0
    with Server(models=MODELS) as server:
        for path in files:
            earlier = {}
            for block in blocks(path):
                ok = run_block(server, block, earlier)
                passed, failed = passed + ok, failed + (not ok)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
