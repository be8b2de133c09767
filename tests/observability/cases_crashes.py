"""Crash reports: a worker that dies of a signal leaves one that names the request and the place, never a text."""
import json
import os
import re
import signal
import stat

from asking import crash_reports, log_of, LONG, send, wait_for
from server import Server

CANARY = "zyxcanary"


def worker_pid(server):
    return [e["pid"] for e in log_of(server)[1] if e["event"] == "worker.started"][-1]


def crash(server, kind, streams=1):
    """Kills the worker while it answers; returns the ids of the requests and the report."""
    before = len(crash_reports(server))
    # Another request each time: one whose worker stops twice would be refused.
    body = {**LONG, "messages": [{"role": "user", "content": f"{CANARY} tell me {before}"}], "seed": 77, "temperature": 0.25, "top_p": 0.5}
    running = [send(server, body) for _ in range(streams)]
    ids = {stream.headers["X-Request-Id"] for stream in running}
    for stream in running:  # a few pieces of the answer, so that all are running
        for _ in range(8):
            stream.readline()
    pid = worker_pid(server)
    os.kill(pid, kind)
    paths = wait_for(lambda: len(crash_reports(server)) > before and crash_reports(server), "a report")
    for stream in running:
        stream.close()
    with open(paths[-1], encoding="utf-8") as file:
        text = file.read()
    assert CANARY not in text and server.key not in text
    return pid, ids, paths[-1], json.loads(text)


def test_a_segmentation_fault_is_told_with_place_and_requests():
    with Server(models=["tiny"]) as server:
        pid, ids, path, report = crash(server, signal.SIGSEGV, streams=3)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600 and stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
        assert (report["model"], report["pid"], report["signal"], report["signal_name"]) == ("tiny", pid, 11, "SIGSEGV")
        assert report["kernels"] and report["numerics_class"] and re.fullmatch("[0-9a-f]{64}", report["model_digest"])
        assert re.fullmatch(r"\d+\.\d+\.\d+", report["version"]) and report["lived_ms"] > 0
        assert {s["request_id"] for s in report["sequences"]} == {f"{i}#0" for i in ids}
        for sequence in report["sequences"]:
            assert sequence["prompt_tokens"] > 0 and 0 < sequence["produced_tokens"] < 1500 and sequence["max_tokens"] == 1500
            assert (sequence["temperature"], sequence["top_p"], sequence["seed"]) == (0.25, 0.5, 77)
        # The stack names functions of the program, as far as a thread that waited has any.
        assert report["stack"] and all(frame["module"] is None or frame["offset"].startswith("0x") for frame in report["stack"])
        assert any("studio" in frame.get("function", "") or frame.get("function", "").startswith("main") for frame in report["stack"]), report["stack"]
        _, events = log_of(server)
        told = [e for e in events if e["event"] == "worker.crash_report"]
        assert [e["path"] for e in told] == [path] and told[0]["pid"] == pid
        assert not [name for name in os.listdir(os.path.dirname(path)) if not name.startswith("crash-")]


def test_every_fatal_signal_leaves_a_report():
    with Server(models=["tiny"]) as server:
        for kind in (signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT, signal.SIGKILL):
            _, ids, _, report = crash(server, kind)
            assert report["signal_name"] == kind.name, report
            assert [s["request_id"] for s in report["sequences"]] == [f"{i}#0" for i in ids]
            assert bool(report["stack"]) == (kind != signal.SIGKILL)  # nobody can say a word after that one


def test_a_worker_that_is_told_to_stop_leaves_none():
    with Server(models=["tiny"]) as server:
        assert server.stop() == 0
        assert crash_reports(server) == []


def test_reports_are_bounded():
    with Server(models=["tiny"]) as server:
        folder = os.path.join(server.data, "crashes")
        os.makedirs(folder)
        for i in range(40):
            with open(os.path.join(folder, f"crash-20200101T0000{i:02}Z-1.json"), "w", encoding="utf-8") as file:
                file.write("{}")
        pid = worker_pid(server)
        os.kill(pid, signal.SIGSEGV)
        wait_for(lambda: any(f"-{pid}." in path for path in crash_reports(server)) and len(crash_reports(server)) == 32, "32 are left")
        assert f"-{pid}." in crash_reports(server)[-1]  # the newest
