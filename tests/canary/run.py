#!/usr/bin/env python3
"""Secrets in everything that a client can send, and not one of them in anything that is kept or told to others.

Usage: tests/canary/run.py [CANARIES]. Each canary is a random text that stands in one place: a prompt, a right or a wrong key, a header,
a path, a field's name or value, a stop string, a file's name. Then the log at level debug, the metrics, crash reports, the whole data folder
(usage store included) and every error text of the others are searched, in plain, base64, hexadecimal and as token ids; the
model's answers count as canaries too. The same search must find what is meant to be there, or it proves nothing."""
import base64
import json
import os
import random
import socket
import string
import sys
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
from server import Server  # noqa: E402

WAIT_S = 30
PIECE = 24         # letters of an answer that make a canary of it: no log line of ours has so many by chance
SEED = 20_260_101  # the same run every time


class Canaries:
    def __init__(self):
        self.random = random.Random(SEED)
        self.sent = {}  # canary -> where it stood

    def new(self, place, alphabet=string.ascii_letters + string.digits):
        canary = "cnry" + "".join(self.random.choice(alphabet) for _ in range(20))
        self.sent[canary] = place
        return canary


def forms_of(canary):
    """As it could be kept."""
    raw = canary.encode()
    # Base64 at each of the three offsets, without the letters that depend on the neighbours.
    shifted = [base64.b64encode(b"\0" * n + raw)[4 if n else 0:-4] for n in range(3)]
    return [raw, raw.hex().encode(), canary[::-1].encode(), *shifted]


class Guest:
    """Sends requests and keeps what it is told: (status, body, canaries of its own)."""

    def __init__(self, server):
        self.server, self.answers, self.ids, self.texts = server, [], [], []

    def send(self, body, own, path="/v1/chat/completions", key=None, method=None, **headers):
        data = None if body is None else json.dumps(body).encode()
        fields = {"Authorization": f"Bearer {key or self.server.key}", "Content-Type": "application/json", **headers}
        request = urllib.request.Request(self.server.url + path, data, fields, method=method)
        try:
            answer = urllib.request.urlopen(request, timeout=120)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read().decode(errors="replace")
            self.answers.append((answer.status, text, set(own)))
            self.ids.append(answer.headers["X-Request-Id"])
        if answer.status == 200 and text.startswith('{"'):
            self.texts += [choice["message"]["content"] for choice in json.loads(text).get("choices", []) if "message" in choice]
        return answer.status

    def send_raw(self, data, own):
        host, port = self.server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(data)
            text = b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")
        self.answers.append((int(text.split(" ")[1]), text, set(own)))


def chat(*messages, **fields):
    turns = [{"role": role, "content": content} for role, content in messages]
    return {"model": "tiny", "messages": turns, "max_tokens": 4, "enable_thinking": False, **fields}


def round_of(canaries, guest):
    """One request of each kind, every canary in it new."""
    new = canaries.new
    a, b, c, d = new("system"), new("user"), new("assistant"), new("stop")
    assert guest.send(chat(("system", a), ("user", f"Say {b} again"), ("assistant", c), ("user", "Go on"), stop=[d], max_tokens=60), [a, b, c, d]) == 200
    a = new("prompt of a stream")
    assert guest.send(chat(("user", a), stream=True), [a]) == 200
    a = new("text of a completion")
    assert guest.send({"model": "tiny", "prompt": a, "max_tokens": 4}, [a], "/v1/completions") == 200
    a = new("text to tokenise")
    assert guest.send({"model": "tiny", "text": a}, [a], "/v1/tokenize") == 200
    a = new("wrong key")
    assert guest.send(chat(("user", "Hello")), [a], key="sk-" + a) == 401
    a, b = new("wrong key at /metrics"), new("query")
    assert guest.send(None, [a, b], f"/metrics?q={b}", key=a) == 401
    a, b, c, d, e = (new(f"header {n}") for n in range(5))
    assert guest.send(chat(("user", "Hello")), [a, b, c, d, e], **{"User-Agent": a, "Cookie": f"session={b}", "X-Api-Key": c, "Referer": f"http://{d}/",
                                                                   "X-Client-Request-Id": e}) == 200
    a = new("header name")
    assert guest.send(None, [a], "/v1/models", **{a: "x"}) == 200
    a = new("path")
    assert guest.send(None, [a], f"/{a}") == 404
    a = new("file name in a path")
    assert guest.send(None, [a], f"/v1/files/..%2F{a}.gguf") == 404
    a = new("model")
    assert guest.send(chat(("user", "Hello"), model=a), [a]) == 404
    a = new("field name")
    assert guest.send(chat(("user", "Hello"), **{a: 1}), [a]) in (200, 400)
    a = new("field value")
    assert guest.send(chat(("user", "Hello"), temperature=a), [a]) == 400
    a = new("role")
    assert guest.send(chat((a, "Hello")), [a]) == 400
    a, b = new("tool name"), new("user id")
    assert guest.send(chat(("user", "Hello"), tools=[{"type": "function", "function": {"name": a}}], user=b), [a, b]) == 200
    a = new("body that is no JSON")
    host = guest.server.url.removeprefix("http://")
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {guest.server.key}\r\nContent-Length: {len(a) + 1}\r\nConnection: close\r\n\r\n"
    guest.send_raw((head + "{" + a).encode(), [a])
    a = new("Host")
    guest.send_raw(f"GET /v1/models HTTP/1.1\r\nHost: {a}\r\nConnection: close\r\n\r\n".encode(), [a])
    a = new("method")
    guest.send_raw(f"{a} / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode(), [a])
    a = new("request line")
    guest.send_raw(f"GET /{a} HTTP/9.9\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode(), [a])


def crash_in_mid_stream(canaries, guest):
    """A worker dies while it answers a prompt that holds a canary."""
    server = guest.server
    a, b = canaries.new("prompt of a crashed worker"), canaries.new("stop string of a crashed worker")
    body = json.dumps(chat(("user", a), stop=[b], stream=True, ignore_eos=True) | {"max_tokens": 1500}).encode()
    request = urllib.request.Request(server.url + "/v1/chat/completions", body, {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"})
    stream = urllib.request.urlopen(request, timeout=120)
    for _ in range(8):
        stream.readline()
    before = len(reports(server))
    os.kill([e["pid"] for e in events(server) if e["event"] == "worker.started"][-1], 11)
    until = time.monotonic() + WAIT_S
    while len(reports(server)) == before:
        assert time.monotonic() < until, "no crash report"
        time.sleep(0.05)
    stream.close()


def reports(server):
    folder = os.path.join(server.data, "crashes")
    return os.listdir(folder) if os.path.isdir(folder) else []


def events(server):
    server.log.flush()
    with open(server.log_path, encoding="utf-8", errors="replace") as file:
        return [json.loads(line) for line in file if line.startswith("{")]


def everything_kept(server):
    """{name: bytes}: each file of the data folder but the models."""
    kept = {}
    for folder, _, names in os.walk(server.data):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not name.endswith(".gguf"):
                with open(path, "rb") as file:
                    kept[os.path.relpath(path, server.data)] = file.read()
    return kept


def token_ids(guest, text):
    body = json.dumps({"model": "tiny", "text": text}).encode()
    request = urllib.request.Request(guest.server.url + "/v1/tokenize", body, {"Authorization": f"Bearer {guest.server.key}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["tokens"]


def found_in(kept, needle):
    return [name for name, data in kept.items() if needle in data]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    canaries, failures = Canaries(), []
    key = "sk-" + canaries.new("right key")
    with Server(models=["tiny"], key=key, extra=["--log-level", "debug"]) as server:
        guest = Guest(server)
        rounds = 0
        while len(canaries.sent) < count:
            round_of(canaries, guest)
            if rounds % 20 == 0:
                crash_in_mid_stream(canaries, guest)
            rounds += 1
        request = urllib.request.Request(server.url + "/metrics", headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            metrics = answer.read()
        ids = {canary: token_ids(guest, canary) for canary in list(canaries.sent)[::max(1, count // 20)]}
        server.stop()
        kept = {**everything_kept(server), "/metrics": metrics}

        # What must be found: else the search is blind.
        assert len(reports(server)) >= 1 and found_in(kept, b'"signal_name":"SIGSEGV"')
        seen = [request_id for request_id in guest.ids if found_in(kept, request_id.encode())]
        assert len(seen) == len(guest.ids), "request ids are missing in the log"
        assert "studio.db" in "".join(found_in(kept, guest.ids[0].encode())), "usage is not where it was searched"
        assert any(b"studio_http_requests_total" in data for data in kept.values())

        for canary, place in canaries.sent.items():
            for form in forms_of(canary):
                failures += [f"{place}: in {name} as {form!r}" for name in found_in(kept, form)]
            failures += [f"{place}: told to another" for status, text, own in guest.answers if status != 200 and canary not in own and canary in text]
        for canary, tokens in ids.items():
            for joint in (", ", ",", " "):
                failures += [f"{canaries.sent[canary]}: token ids in {name}" for name in found_in(kept, joint.join(map(str, tokens)).encode())]
        pieces = {text[i:i + PIECE] for text in guest.texts for i in range(0, len(text) - PIECE, PIECE)}
        assert pieces, "no answer was long enough"
        for piece in pieces:
            failures += [f"an answer: in {name}" for name in found_in(kept, piece.encode())]
        errors = sum(1 for status, _, _ in guest.answers if status != 200)
    for failure in failures[:40]:
        print("FAILED", failure)
    searched = sum(map(len, kept.values()))
    print(f"{len(canaries.sent)} canaries in {len(set(canaries.sent.values()))} places and {len(pieces)} pieces of answers, {len(guest.answers)} requests: "
          f"{len(failures)} found in {searched:,} bytes of {len(kept)} files, metrics and {errors} error texts")
    print(f"{0 if failures else 1} passed, {1 if failures else 0} failed, 0 skipped")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
