#!/usr/bin/env python3
"""What a transcript cannot say: streams left, cut, slow, many at once; drain, overload, a worker's death; usage on disk
before the end is told. Each against a real server with the built-in model."""
import concurrent.futures
import glob
import json
import os
import re
import signal
import sqlite3
import sys
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
from patience import PATIENCE  # noqa: E402
from run import of_stream  # noqa: E402
from run_cases import run_cases  # noqa: E402
from server import Server  # noqa: E402

CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "Tell me a story about a fox."}], "temperature": 0.7, "seed": 11,
        "enable_thinking": False, "max_tokens": 40}
LONG = {**CHAT, "ignore_eos": True, "max_tokens": 1500, "stream": True}
WAIT_S = 20 * PATIENCE  # for what takes milliseconds on an idle machine


def post(server, body, path="/v1/chat/completions"):
    request = urllib.request.Request(server.url + path, json.dumps(body).encode(),
                                     {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=120 * PATIENCE)


def ask(server, **fields):
    with post(server, {**CHAT, **fields}) as answer:
        text = answer.read().decode()
        return of_stream(text) if fields.get("stream") else json.loads(text)


def text_of(answer):
    return answer["text"] if "text" in answer else answer["choices"][0]["message"]["content"]


def metric(server, name, labels=""):
    request = urllib.request.Request(server.url + "/metrics", headers={"Authorization": f"Bearer {server.key}"})
    with urllib.request.urlopen(request, timeout=30 * PATIENCE) as answer:
        text = answer.read().decode()
    found = re.search(rf"^{name}\{{[^}}]*{labels}[^}}]*\}} ([0-9.e+]+)$", text, re.M)
    return float(found.group(1)) if found else 0.0


def wait_for(condition, what):
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {WAIT_S} s: {what}")


def cut_at(text, stops):
    """The definition: the first moment at which a stop string is complete, cut before it."""
    first = min((text.find(s) for s in stops if s in text), default=-1)
    return text if first < 0 else text[:first]


def test_stop_strings_at_every_place(server):
    whole = text_of(ask(server, temperature=0))
    assert len(whole) > 60, whole
    for start in range(0, min(len(whole), 80), 3):
        for length in (1, 2, 5, 11):
            stop = whole[start:start + length]
            for stream in (False, True):
                answer = ask(server, temperature=0, stop=[stop], stream=stream)
                assert text_of(answer) == cut_at(whole, [stop]), (stop, text_of(answer))
                finish = answer["finish"] if stream else answer["choices"][0]["finish_reason"]
                assert finish == "stop"


def test_stop_strings_at_character_borders(server):
    """Byte tokens forced by bias: the answer is one multi-byte character again and again, its bytes token by token."""
    request = {"model": "tiny", "text": "水"}
    with post(server, request, "/v1/tokenize") as answer:
        ids = json.load(answer)["tokens"]
    assert len(ids) == 3, ids  # one token a byte
    # Greedy with equal biases cannot count to three; each byte in turn is drawn from one-id prompts instead.
    bias = {str(i): 100 for i in ids}
    whole = text_of(ask(server, temperature=1, top_p=1, top_k=0, repetition_penalty=1, logit_bias=bias, max_tokens=60))
    streamed = text_of(ask(server, temperature=1, top_p=1, top_k=0, repetition_penalty=1, logit_bias=bias, max_tokens=60, stream=True))
    assert whole == streamed and "\ufffd" in whole and len(whole) > 10, whole
    for stop in ("水", "\ufffd水", "水水"):
        answer = ask(server, temperature=1, top_p=1, top_k=0, repetition_penalty=1, logit_bias=bias, max_tokens=60, stop=[stop], stream=True)
        assert text_of(answer) == cut_at(whole, [stop]), (stop, whole, text_of(answer))


def test_a_client_that_leaves_frees_its_pages(server):
    wait_for(lambda: metric(server, "studio_sequences_running") == 0, "idle")
    total, before = metric(server, "studio_kv_pages"), metric(server, "studio_generations_total", 'finish_reason="cancelled"')
    streams = [post(server, {**LONG, "n": 2}) for _ in range(4)]
    for stream in streams:
        stream.readline()
    wait_for(lambda: metric(server, "studio_sequences_running") > 0, "running")
    for stream in streams:
        stream.close()
    wait_for(lambda: metric(server, "studio_sequences_running") == 0, "all cancelled")
    assert metric(server, "studio_kv_pages_free") == total
    wait_for(lambda: metric(server, "studio_generations_total", 'finish_reason="cancelled"') == before + 4, "counted")


def test_many_at_once_answer_as_alone(server):
    seeds = range(12)
    alone = [text_of(ask(server, seed=seed, max_tokens=60)) for seed in seeds]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda seed: text_of(ask(server, seed=seed, max_tokens=60, stream=bool(seed % 2))), seeds))
    assert alone == together
    assert len(set(alone)) > 6  # the seeds do something


def test_a_slow_reader_holds_nobody_up(server):
    slow = post(server, {**LONG, "logprobs": True, "top_logprobs": 20, "n": 4})
    started = time.monotonic()
    for seed in range(5):
        ask(server, seed=seed, stream=True)
    assert time.monotonic() - started < WAIT_S
    answer = of_stream(slow.read().decode())
    assert answer["done"] and all(len(choice["logprobs"]) == 1500 for choice in answer["choices"])


def usage_rows(server):
    with sqlite3.connect(f"file:{server.data}/studio.db?mode=ro", uri=True) as database:
        database.row_factory = sqlite3.Row
        table = next(name for (name,) in database.execute("select name from sqlite_master where name like 'usage%' and type='table'"))
        return {row["request_id"]: dict(row) for row in database.execute(f"select * from {table}")}


def test_usage_is_on_disk_before_the_end_is_told(server):
    for n in (1, 3):
        stream = post(server, {**CHAT, "n": n, "stream": True, "stream_options": {"include_usage": True}})
        request_id, reported, finished = stream.headers["x-request-id"], None, False
        for line in stream:
            event = line.decode().strip()
            if not event.startswith("data: {"):
                continue
            chunk = json.loads(event[6:])
            if not finished and any(choice["finish_reason"] for choice in chunk["choices"]):
                finished = True
                row = usage_rows(server)[request_id]
            reported = chunk["usage"] or reported
        assert finished
        assert (row["prompt_tokens"], row["completion_tokens"]) == (reported["prompt_tokens"], reported["completion_tokens"])
    with post(server, CHAT) as answer:
        body = json.load(answer)
        row = usage_rows(server)[answer.headers["x-request-id"]]
    assert row["completion_tokens"] == body["usage"]["completion_tokens"]


def worker_pid(server):
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                pid, parent = path.split("/")[2], file.read().rpartition(")")[2].split()[1]
        except OSError:  # it ended meanwhile
            continue
        if parent == str(server.process.pid):
            found.append(int(pid))
    assert len(found) == 1, found
    return found[0]


def test_a_killed_worker_costs_no_stream(server):
    whole = ask(server, max_tokens=400, ignore_eos=True, stream=True)
    stream = post(server, {**CHAT, "max_tokens": 400, "ignore_eos": True, "stream": True})
    first = b"".join(stream.readline() for _ in range(20))
    os.kill(worker_pid(server), signal.SIGKILL)
    answer = of_stream((first + stream.read()).decode())
    assert answer["done"] and answer["text"] == whole["text"]
    wait_for(lambda: metric(server, "studio_model_ready") == 1, "the worker is back")
    assert metric(server, "studio_worker_restarts_total") >= 1


class Stopped:
    """The worker process does nothing inside the block: a prompt that takes long, a queue that does not move."""

    def __init__(self, server):
        self.pid = worker_pid(server)

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGCONT)


def test_a_queued_stream_begins_at_once_and_is_kept_alive(_):
    with Server(models=["tiny"], env={"STUDIO_ENGINE_MAX_SEQUENCES": "1", "STUDIO_SERVE_HEARTBEAT_SECONDS": "1",
                                       "STUDIO_SERVE_HANG_PATIENCE": "0"}) as small:
        whole = ask(small, stream=True)
        held = post(small, {**LONG, "n": 16})  # one choice runs, fifteen wait
        held.readline()
        queued = post(small, {**CHAT, "stream": True})
        assert queued.status == 200 and "event-stream" in queued.headers["Content-Type"]
        lines = [queued.readline()]
        with Stopped(small):
            assert json.loads(lines[0][6:])["choices"][0]["delta"] == {"role": "assistant", "content": ""}
            while lines[-1] != b": keep-alive\n":
                lines.append(queued.readline())
                assert lines[-1] in (b"\n", b": keep-alive\n"), lines
        held.close()
        answer = of_stream(b"".join(lines).decode() + queued.read().decode())
        assert answer["done"] and answer["text"] == whole["text"]


def get_status(server, path):
    try:
        with urllib.request.urlopen(server.url + path, timeout=30 * PATIENCE) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_health_is_true_only_while_a_token_could_be_produced(server):
    assert get_status(server, "/healthz") == 200 and get_status(server, "/readyz") == 200
    with Stopped(server):
        wait_for(lambda: get_status(server, "/healthz") == 503, "told to be ill")
        assert get_status(server, "/readyz") == 503
        assert metric(server, "studio_model_ready") == 0
    wait_for(lambda: get_status(server, "/healthz") == 200, "well again")
    assert ask(server)["choices"]


def test_logs_are_structured_and_hold_no_content(_):
    canary, key = "zyxcanary", "sk-canary-5f1d"
    with Server(models=["tiny"], key=key) as logged:
        answer = ask(logged, messages=[{"role": "user", "content": f"{canary} one"}], stop=[f"{canary} two"], stream=True)
        assert answer["done"]
        for body in ({**CHAT, "temperature": canary}, {**CHAT, canary: 1}, {**CHAT, "model": canary}):
            try:
                post(logged, body)
            except urllib.error.HTTPError as error:
                assert error.code in (400, 404)
        assert get_status(logged, f"/v1/models/{canary}") == 401 and get_status(logged, f"/{canary}") == 404
        logged.stop()
        with open(logged.log_path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        assert canary not in "\n".join(lines) and key not in "\n".join(lines)
        events = [json.loads(line) for line in lines if line.startswith("{")]
        requests = [event for event in events if event["event"] == "http.request"]
        assert len(requests) == 6 and {event["status"] for event in requests} == {200, 400, 401, 404}
        assert all(event["request_id"] and event["ms"] >= 0 and event["key_id"] != key for event in requests)


def test_a_key_has_only_so_many_requests_open(_):
    with Server(models=["tiny"], env={"STUDIO_SERVE_MAX_REQUESTS_PER_KEY": "1"}) as limited:
        held = post(limited, {**LONG, "n": 8})
        held.readline()
        try:
            ask(limited)
            raise AssertionError("taken")
        except urllib.error.HTTPError as error:
            assert error.code == 429 and int(error.headers["Retry-After"]) >= 1
            assert json.load(error)["error"]["code"] == "limit_requests"
        assert get_status(limited, "/healthz") == 200
        held.close()
        wait_for(lambda: metric(limited, "studio_generations_total", 'finish_reason="cancelled"') == 1, "ended")
        for _ in range(20):  # an answer that was read to its end is no longer open
            assert ask(limited, max_tokens=1)["choices"]


def test_a_full_queue_is_an_honest_503(_):
    with Server(models=["tiny"], env={"STUDIO_ENGINE_MAX_SEQUENCES": "1", "STUDIO_ENGINE_MAX_QUEUE": "1"}) as small:
        held = post(small, {**LONG, "n": 2})  # one choice runs, the other waits
        held.readline()
        try:
            post(small, CHAT)
            raise AssertionError("taken")
        except urllib.error.HTTPError as error:
            assert error.code == 503 and int(error.headers["Retry-After"]) >= 1
            assert json.load(error)["error"]["code"] == "overloaded"
        assert of_stream(held.read().decode())["done"]
        assert text_of(ask(small))


def test_no_thread_takes_a_stop_signal_by_default(server):
    """One that left them open would end the process in the moments in which nobody waits for them."""
    stops = 1 << signal.SIGTERM - 1 | 1 << signal.SIGINT - 1
    for task in os.listdir(f"/proc/{server.process.pid}/task"):
        if int(task) == server.process.pid:
            continue  # main waits for them
        with open(f"/proc/{server.process.pid}/task/{task}/status", encoding="utf-8") as file:
            blocked = int(re.search(r"^SigBlk:\t([0-9a-f]+)$", file.read(), re.M).group(1), 16)
        assert blocked & stops == stops, f"thread {task} blocks {blocked:x}"


def refuses_connections(server):
    try:
        get_status(server, "/healthz")
        return False
    except (urllib.error.URLError, ConnectionError):
        return True


def test_sigterm_lets_streams_finish(_):
    with Server(models=["tiny"], env={"STUDIO_SERVE_HANG_PATIENCE": "0"}) as draining:
        stream = post(draining, {**LONG, "max_tokens": 600})
        first = stream.readline()
        with Stopped(draining):  # so that the stream is still running when the server drains
            draining.process.send_signal(signal.SIGTERM)
            wait_for(lambda: refuses_connections(draining), "no new connection is taken")
        answer = of_stream((first + stream.read()).decode())
        assert answer["done"] and answer["finish"] == "length"
        assert draining.process.wait(WAIT_S) == 0


def test_a_second_signal_cuts(_):
    with Server(models=["tiny"]) as cutting:
        stream = post(cutting, {**LONG, "n": 16, "max_tokens": 1900})
        stream.readline()
        cutting.process.send_signal(signal.SIGTERM)
        wait_for(lambda: refuses_connections(cutting), "it drains")
        cutting.process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        assert cutting.process.wait(WAIT_S) == 0
        assert time.monotonic() - started < 10 * PATIENCE
        assert len(usage_rows(cutting)) == 1  # what was produced is recorded


def main():
    # Workers are stopped here to be slow, not to be replaced: tests/failover is about that.
    with Server(models=["tiny"], env={"STUDIO_SERVE_HANG_PATIENCE": "0"}) as server:
        return run_cases(globals(), call=lambda test: test(server))


if __name__ == "__main__":
    sys.exit(main())
