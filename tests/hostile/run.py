#!/usr/bin/env python3
"""A server among people who wish it ill. Usage: run.py [--full] [PART...]

Parts: requests (the table of bad_requests.txt), protocol (protocol.py), disconnects, slow_readers, confined. After each, the same
processes run, every page is free, nothing waits, and a plain request is answered. The README says more.
"""
import concurrent.futures
import json
import os
import random
import re
import select
import signal
import socket
import struct
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
sys.path.insert(0, HERE)
import protocol  # noqa: E402
from patience import PATIENCE  # noqa: E402
from server import Server  # noqa: E402
from target import CHAT, LEAK, WAIT_S, Fault, Target, check, wait_for  # noqa: E402

DEFAULTS = {"chat": ("/v1/chat/completions", CHAT),
            "completion": ("/v1/completions", {"model": "tiny", "prompt": "The violin is", "max_tokens": 8, "seed": 7}),
            "tokenize": ("/v1/tokenize", {"model": "tiny", "text": "hi"})}


# ---- bad requests

def unescape(text):
    raw = text.encode()
    return re.sub(rb"(?<!\\)\\x([0-9a-f]{2})", lambda m: bytes([int(m.group(1), 16)]), raw).replace(b"\\\\", b"\\")


def rows():
    with open(os.path.join(HERE, "bad_requests.txt"), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip() and not line.startswith("#"):
                endpoint, body, wanted, says = [part.strip() for part in line.rstrip("\n").split(" | ")]
                yield number, endpoint, body, wanted.split(), says.split(" & ")


def body_of(endpoint, text):
    if text == "raw" or text.startswith("raw "):
        return unescape(text[4:])
    if text.startswith("deep "):
        _, count, piece = text.split(" ", 2)
        return piece.encode() * int(count)
    merged = dict(DEFAULTS[endpoint][1])
    for name, value in json.loads(text).items():
        merged[name] = value
        if value is None:
            del merged[name]
    return merged


def check_refusal(target, endpoint, body, wanted, says):
    status, code, param = wanted
    got, _, text = target.post(DEFAULTS[endpoint][0], body_of(endpoint, body))
    check(str(got) == status, f"status {got}: {text[:300]}")
    answer = json.loads(text)
    error = answer["error"]
    check(error["code"] == code, f"code {error['code']}: {error['message']}")
    check((error["param"] or "-") == param, f"param {error['param']}: {error['message']}")
    for word in says:
        check(word in error["message"], f"the message does not say {word!r}: {error['message']}")
    check(param == "-" or param.split(".")[0].split("[")[0] in error["message"], f"the message does not name {param}")
    check(answer.get("request_id"), "no request id")
    check(not LEAK.search(text), f"the answer tells too much: {text[:300]}")


def part_requests(target, _):
    faults, count = [], 0
    for number, endpoint, body, wanted, says in rows():
        count += 1
        try:
            check_refusal(target, endpoint, body, wanted, says)
        except (Fault, KeyError, TypeError, ValueError, OSError) as fault:
            faults.append(f"bad_requests.txt:{number}: {endpoint} {body[:100]}: {fault}")
    check(count >= 120, f"only {count} rows")
    return count, faults


# ---- abuses of the protocol

def answers_in(stream):
    """The statuses of the answers in these bytes; the body of HEAD's is left to the caller, who asked without one."""
    statuses, rest = [], stream
    while rest:
        head, end, rest = rest.partition(b"\r\n\r\n")
        check(end, f"an answer without an end: {rest[:100] or head[:100]}")
        lines = head.split(b"\r\n")
        check(re.fullmatch(rb"HTTP/1\.1 \d{3} [A-Za-z ]+", lines[0]), f"status line {lines[0][:80]}")
        status = int(lines[0].split(b" ")[1])
        fields = {line.split(b":", 1)[0].lower(): line.split(b":", 1)[1].strip() for line in lines[1:]}
        length = int(fields.get(b"content-length", b"0"))
        if not rest.startswith(b"HTTP/1.1 ") or not length:  # where another answer follows at once, this one was to HEAD
            check(len(rest) >= length or not rest, "a body cut short")
            rest = rest[length:]
        if status != 100:
            statuses.append(status)
    return statuses


def converse(target, pieces, quiet_s):
    connection, got, is_closed = target.connect(), b"", False

    def read_for(seconds):
        nonlocal got, is_closed
        until = time.monotonic() + seconds
        while not is_closed and time.monotonic() < until:
            if not select.select([connection], [], [], max(0, until - time.monotonic()))[0]:
                break
            try:
                more = connection.recv(65536)
            except ConnectionResetError:
                more = b""
            got, is_closed = got + more, not more

    for piece in pieces if isinstance(pieces, list) else [pieces]:
        if isinstance(piece, int):
            read_for(piece)
        elif not is_closed:
            try:
                connection.sendall(piece)
            except OSError:
                pass  # it was cut off while it spoke; the answer is read below
    read_for(quiet_s)
    connection.close()
    return got, is_closed


def run_abuse(target, case):
    name, pieces, statuses, end = case
    try:
        got, is_closed = converse(target, pieces, WAIT_S if end == "closed" else 2)
        check(answers_in(got) == statuses, f"answers {answers_in(got)}, wanted {statuses}: {got[:200]}")
        check(is_closed == (end == "closed"), f"the connection is {'closed' if is_closed else 'open'}, wanted {end}")
        check(not LEAK.search(got), f"the answer tells too much: {got[:300]}")
    except (Fault, OSError) as fault:
        return f"{name}: {fault}"
    return None


def part_protocol(target, _):
    cases = list(protocol.cases(target.key))
    check(len(cases) >= 60, f"only {len(cases)} abuses")
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        faults = [fault for fault in pool.map(lambda case: run_abuse(target, case), cases) if fault]
    return len(cases), faults


# ---- clients that go

LONG_PROMPT = "Tell me about the sea and the wind and the old harbour. " * 20


def end_abruptly(connection, chance):
    if chance.random() < 0.5:  # a reset instead of an end
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def disconnect(target, seed):
    chance = random.Random(seed)
    where = ("head", "body", "queue", "prefill", "stream", "whole")[seed % 6]
    is_stream = where in ("stream", "queue")
    body = {**CHAT, "max_tokens": chance.randint(30, 300), "ignore_eos": True, "stream": is_stream, "n": chance.choice([1, 1, 2]),
            "seed": seed, "logprobs": chance.random() < 0.3}
    if where == "prefill":
        body["messages"] = [{"role": "user", "content": LONG_PROMPT}]
        body["max_tokens"] = 20
    # Closed at its end, so that a reader that comes to it does not wait for more.
    whole = target.request_bytes("/v1/chat/completions", body, b"Connection: close\r\n")
    head_bytes = whole.index(b"\r\n\r\n") + 4
    connection = target.connect()
    try:
        if where == "head":
            connection.sendall(whole[:chance.randint(0, head_bytes - 1)])
        elif where == "body":
            connection.sendall(whole[:chance.randint(head_bytes, len(whole) - 1)])
        else:
            connection.sendall(whole)
        if where == "stream":
            for _ in range(chance.randint(1, 12)):
                connection.recv(chance.randint(1, 4000))
        else:
            time.sleep(chance.choice([0, 0, 0.002, 0.02, 0.1]))
    finally:
        end_abruptly(connection, chance)


def part_disconnects(target, is_full):
    count, faults = 1000 if is_full else 120, []
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for future in [pool.submit(disconnect, target, seed) for seed in range(count)]:
            try:
                future.result()
            except OSError as fault:  # the server may refuse a client that is not gone yet; it may not refuse to be connected to
                faults.append(f"disconnect: {fault!r}")
    started = time.monotonic()
    wait_for(target.is_at_rest, "every page free after the last client has gone")
    print(f"    at rest {time.monotonic() - started:.2f} s after the last of {count} disconnects", flush=True)
    return count, faults


# ---- clients that do not read

def part_slow_readers(target, is_full):
    """Each asks for more than the kernel's buffers hold and takes next to nothing of it."""
    count = 200 if is_full else 24
    tokens = 400  # with 20 alternatives each some 2 KB a token: over the buffers of both ends
    body = {**CHAT, "max_tokens": tokens, "ignore_eos": True, "stream": True, "logprobs": True, "top_logprobs": 20}
    readers, faults = [], []
    for seed in range(count):
        connection = target.connect(receive_bytes=4096)
        connection.sendall(target.request_bytes("/v1/chat/completions", {**body, "seed": seed}))
        readers.append(connection)
    # Nobody else waits for them, and what they asked for is computed and its pages given back though nobody reads it.
    started = time.monotonic()
    check(target.ask() == target.answer, "an answer beside slow readers is another")
    beside_s = time.monotonic() - started
    wait_for(target.is_at_rest, "every page free while the readers still hold on", 600 * PATIENCE)
    computed_s = time.monotonic() - started
    # Half of them leave now; the rest take a byte now and then, and are cut.
    for connection in readers[::2]:
        end_abruptly(connection, random.Random(1))
    held, started = readers[1::2], time.monotonic()
    while any(is_established(connection) for connection in held):
        check(time.monotonic() - started < 4 * stall_seconds(is_full), "readers that take nothing are not cut")
        time.sleep(1)
        for connection in held:
            if is_established(connection) and select.select([connection], [], [], 0)[0]:
                connection.recv(1)
    cut_s = time.monotonic() - started
    for connection in held:
        if b"[DONE]" in read_rest(connection):
            faults.append("a reader that took nothing had a whole answer")
        connection.close()
    print(f"    {count} slow readers; a plain request beside them took {beside_s:.1f} s, their answers {computed_s:.1f} s; those that stayed were cut after {cut_s:.0f} s", flush=True)
    return count, faults


def is_established(connection):
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 1  # <netinet/tcp.h>; a reset ends it


def stall_seconds(is_full):
    return 30 if is_full else 3


def read_rest(connection):
    got = b""
    try:
        while more := connection.recv(1 << 20):
            got += more
    except OSError:
        pass
    return got


# ---- the worker's confinement

def status_of(pid, name):
    """That line of every thread of the process."""
    values = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as file:
            values.add(re.search(rf"^{name}:\s*(\S+)", file.read(), re.M).group(1))
    return values


def check_confined(pid):
    check(status_of(pid, "Seccomp") == {"2"}, "a thread of the worker has no filter")
    check(status_of(pid, "NoNewPrivs") == {"1"}, "a thread of the worker may gain privileges")
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        check(re.search(r"Max core file size\s+0\s+0", file.read()), "the worker may dump core")


def part_confined(target, _):
    """A worker has both layers, and so has the one that takes its place."""
    worker = target.pids[1]
    check_confined(worker)
    with open(target.server.log_path, encoding="utf-8") as file:
        told = [json.loads(line) for line in file if '"worker.' in line and "_confined" in line]
    check({event["event"] for event in told} == {"worker.files_confined", "worker.calls_confined"}, f"the log tells of {told}")
    os.kill(worker, signal.SIGKILL)

    def is_replaced():
        now = target.processes()
        return len(now) == 2 and now[1] != worker and target.gauge("studio_model_ready") == 1

    wait_for(is_replaced, "another worker")
    target.pids = target.processes()
    check(target.ask() == target.answer, "the new worker's answer is another")
    check_confined(target.pids[1])
    return 2, []


PARTS = {"confined": part_confined, "requests": part_requests, "disconnects": part_disconnects, "slow_readers": part_slow_readers,
         "protocol": part_protocol}


def run_part(target, name, is_full):
    started, descriptors = time.monotonic(), target.descriptors()
    try:
        count, faults = PARTS[name](target, is_full)
        target.check_well(descriptors)
    except (Fault, OSError) as fault:
        count, faults = 1, [f"{fault}\n{traceback.format_exc()}"]
    for fault in faults:
        print(f"FAILED {name}: {fault}", flush=True)
    print(f"{'ok' if not faults else 'FAILED'} {name}: {count - len(faults)} of {count} ({time.monotonic() - started:.1f} s)", flush=True)
    return count - len(faults), len(faults)


def main():
    is_full = "--full" in sys.argv
    names = [name for name in sys.argv[1:] if not name.startswith("--")] or list(PARTS)
    passed = failed = 0
    with Server(models=["tiny"], env={"STUDIO_SERVE_STALL_SECONDS": str(stall_seconds(is_full))}) as server:
        target = Target(server)
        for name in names:
            good, bad = run_part(target, name, is_full)
            passed, failed = passed + good, failed + bad
        if server.stop() != 0:
            print(f"FAILED the server ended with {server.process.returncode}")
            failed += 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
