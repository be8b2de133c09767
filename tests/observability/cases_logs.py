"""Logs: one request is found by its id in both processes, and nothing but known fields is in them."""
import os
import re
import uuid

from asking import ask, CHAT, log_of, send, wait_for
from server import ROOT, Server

RULES = os.path.join(ROOT, "src/base/log_fields.h")
ALWAYS = {"time", "level", "process", "event", "dropped"}


def allowed_fields():
    with open(RULES, encoding="utf-8") as file:
        return set(re.findall(r'\{"(\w+)", FieldKind::', file.read()))


def test_an_id_leads_through_both_processes():
    mine = str(uuid.uuid4())
    with Server(models=["tiny"], extra=["--log-level", "debug"]) as server:
        with send(server, {**CHAT, "n": 2}, **{"X-Client-Request-Id": mine}) as answer:
            ours = answer.headers["X-Request-Id"]
            assert uuid.UUID(ours) and answer.headers["X-Client-Request-Id"] == mine
        server.stop()
        _, events = log_of(server)
    request = [e for e in events if e["event"] == "http.request" and e["request_id"] == ours]
    assert len(request) == 1 and request[0]["client_request_id"] == mine and request[0]["process"] == "gateway"
    for event in ("sequence.begins", "sequence.ended"):
        lines = [e for e in events if e["event"] == event]
        assert sorted(e["request_id"] for e in lines) == [f"{ours}#0", f"{ours}#1"], lines
        assert all(e["process"] == "worker" for e in lines)
    assert all(e["completion_tokens"] > 0 and e["finish_reason"] in ("stop", "length") for e in lines)


def test_a_callers_id_that_could_be_text_is_not_taken():
    with Server(models=["tiny"]) as server:
        for value in ("my secret prompt", "sk-0123456789abcdef", "x" * 200):
            with send(server, CHAT, **{"X-Client-Request-Id": value, "X-Request-Id": value}) as answer:
                assert answer.status == 200 and "X-Client-Request-Id" not in answer.headers
                assert answer.headers["X-Request-Id"] != value
        with send(server, CHAT, **{"X-Request-Id": "4bf92f3577b34da6a3ce929d0e0e4736"}) as answer:
            assert answer.headers["X-Client-Request-Id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
            # Ours stays ours: the same name twice is two requests, both billed.
        with send(server, CHAT, **{"X-Request-Id": "4bf92f3577b34da6a3ce929d0e0e4736"}) as answer:
            assert answer.status == 200
        server.stop()
        text, _ = log_of(server)
    assert "secret" not in text and "sk-0123456789abcdef" not in text


def test_every_line_is_json_with_known_fields_alone():
    known = allowed_fields()
    assert len(known) > 20 and not known & {"prompt", "content", "text", "body", "key", "header"}
    with Server(models=["tiny"], extra=["--log-level", "debug"]) as server:
        ask(server)
        send(server, {**CHAT, "temperature": 9}).close()
        stream = send(server, {**CHAT, "stream": True, "ignore_eos": True, "max_tokens": 1500})
        stream.readline()
        pid = next(e["pid"] for e in log_of(server)[1] if e["event"] == "worker.started")
        os.kill(pid, 11)
        stream.close()
        wait_for(lambda: any(e["event"] == "worker.crash_report" for e in log_of(server)[1]), "crash report")
        server.stop()
        text, events = log_of(server)
    assert len(events) == len(text.splitlines()), "a line that is no object"
    for event in events:
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", event["event"])
        assert set(event) - ALWAYS <= known, event
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
