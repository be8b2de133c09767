"""Requests to a tests/lib Server, and what it left behind."""
import json
import os
import time
import urllib.error
import urllib.request

import exposition

CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "Tell me a story about a fox."}], "temperature": 0.7, "seed": 11,
        "enable_thinking": False, "max_tokens": 12}
LONG = {**CHAT, "ignore_eos": True, "max_tokens": 1500, "stream": True}
WAIT_S = 20  # for what takes milliseconds on an idle machine


def send(server, body, path="/v1/chat/completions", key=None, **headers):
    """The open answer, whatever its status."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(server.url + path, data, {"Authorization": f"Bearer {key or server.key}",
                                                              "Content-Type": "application/json", **headers})
    try:
        return urllib.request.urlopen(request, timeout=120)
    except urllib.error.HTTPError as error:
        return error


def ask(server, **fields):
    with send(server, {**CHAT, **fields}) as answer:
        return json.load(answer)


def metrics(server):
    with send(server, None, "/metrics") as answer:
        assert answer.status == 200 and answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return exposition.read(answer.read().decode())


def wait_for(condition, what):
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {WAIT_S} s: {what}")


def log_of(server):
    """The whole log, and its lines as objects."""
    server.log.flush()
    with open(server.log_path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    return text, [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def crash_reports(server):
    folder = os.path.join(server.data, "crashes")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))] if os.path.isdir(folder) else []
