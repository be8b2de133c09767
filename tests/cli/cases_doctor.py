"""doctor: each fault that a machine or a data folder can have, planted, found, explained with a remedy, and gone once mended."""
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import time

from place import STUDIO, TIMEOUT_S, TINY, Place
from serving import Serve

LOCAL = ("--listen", "127.0.0.1:0", "--model", "tiny")


def checks(place, *words, **env):
    """{check: finding}, and the exit code fits them."""
    result = place.studio("doctor", "--json", *words, **env)
    said = json.loads(result.out)
    for check in said["checks"]:
        assert set(check) == {"check", "verdict", "text", "why", "remedy"} and check["verdict"] in ("ok", "note", "warning", "failure")
        assert check["verdict"] == "ok" or (check["why"] and check["text"]), check
        assert check["verdict"] not in ("warning", "failure") or check["remedy"], check
    has_failed = any(check["verdict"] == "failure" for check in said["checks"])
    assert said["ok"] == (not has_failed) and result.code == (1 if has_failed else 0), str(result)
    return {check["check"]: check for check in said["checks"]}


def expect(found, check, verdict, *words):
    assert check in found and found[check]["verdict"] == verdict, (check, verdict, found.get(check))
    whole = " ".join(found[check].values())
    for word in words:
        assert word in whole, (word, found[check])


def put_tiny(place, name="tiny"):
    place.studio("pull", "--from", TINY, name, "--quiet").must(0)
    return os.path.join(place.data, "models", name + ".gguf")


def test_a_healthy_place_has_no_fault():
    with Place() as place:
        found = checks(place)
        assert not [c for c in found.values() if c["verdict"] == "failure"]
        for check in ("processor", "memory", "clock", "open files", "kernel", "data folder", "disk", "key", "server", "address", "crashes", "models"):
            assert check in found, check
        assert not os.path.exists(place.data)  # it looks, and makes nothing


def test_the_data_folder():
    with Place() as place:
        place.write("data", "a file in its place")
        expect(checks(place), "data folder", "failure", place.data, "not a folder")
        expect(checks(place, "--data", place.data + "/below/it"), "data folder", "failure", "not a folder")
        os.remove(place.data)
        with Serve(place, *LOCAL):
            pass
        os.chmod(place.data, 0o755)
        expect(checks(place), "data folder", "warning", "chmod 700")
        os.chmod(place.data, 0o700)
        expect(checks(place), "data folder", "ok")
        expect(checks(place), "records", "ok")
        os.chmod(place.data + "/studio.db", 0o644)
        expect(checks(place), "records", "failure", "chmod 600")
        with open(place.data + "/studio.db", "r+b") as file:
            file.write(b"spoilt")
        expect(checks(place), "records", "failure", "is not a database")


def test_the_key():
    with Place() as place:
        path = place.write("data/key", "sk-1\n")
        os.chmod(path, 0o644)
        expect(checks(place), "key", "failure", "chmod 600 " + path)
        os.chmod(path, 0o600)
        expect(checks(place), "key", "ok")
        place.write("data/key", "\n")
        expect(checks(place), "key", "failure", "holds no key")
        expect(checks(place, STUDIO_SERVE_KEY_FILE="/nowhere/key"), "key", "failure", "/nowhere/key is not there")


def test_models_and_half_files():
    with Place() as place:
        path = put_tiny(place, "mine")
        expect(checks(place), "model mine", "ok")
        with open(path, "ab") as file:
            file.write(b"more")
        expect(checks(place), "model mine", "failure", "studio rm mine && studio pull mine")
        os.truncate(path, 100_000)
        expect(checks(place), "model mine", "failure", "studio rm mine")
        place.studio("rm", "mine").must(0)
        put_tiny(place, "mine")
        with open(path, "r+b") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)[0]
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last ^ 1]))
        expect(checks(place), "model mine", "ok")
        expect(checks(place, "--deep"), "model mine", "failure", "its bytes have changed")
        shutil.copy(TINY, os.path.join(place.data, "models/byhand.gguf"))
        expect(checks(place), "model byhand", "note", "by hand")
        place.write("data/models/.partial/half/half.gguf.part", "x" * 5000)
        expect(checks(place), "half file half", "warning", "studio pull half", "studio rm half")
        place.studio("rm", "half").must(0)
        assert "half file half" not in checks(place)


def test_memory_for_the_largest_model():
    with Place() as place:
        path = put_tiny(place, "huge")
        os.remove(os.path.join(place.data, "models/huge.json"))
        os.truncate(path, 1 << 43)  # 8 TiB, all of it a hole
        expect(checks(place), "memory", "warning", "huge needs about")


def test_the_address_and_who_has_it():
    with Place() as place, socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        expect(checks(place, STUDIO_SERVE_LISTEN=address), "address", "failure", address, f"(process {os.getpid()})")
        taken.close()
        expect(checks(place, STUDIO_SERVE_LISTEN=address), "address", "ok", "is free")


def test_a_server_that_runs_is_stuck_or_was_killed():
    with Place() as place:
        with Serve(place, *LOCAL) as server:
            expect(checks(place), "server", "ok", server.started["url"])
            os.kill(server.process.pid, signal.SIGSTOP)
            try:
                expect(checks(place), "server", "failure", f"process {server.process.pid}", "does not answer")
            finally:
                os.kill(server.process.pid, signal.SIGCONT)
            server.stop(signal.SIGKILL)
            found = checks(place)
            expect(found, "server file", "note", "server.json")
            expect(found, "socket", "note", ".sock")
        with Serve(place, *LOCAL):  # the next one tidies up
            found = checks(place)
            assert "server file" not in found and "socket" not in found
        assert "server file" not in checks(place)


def test_open_files():
    with Place() as place:
        low = subprocess.run([STUDIO, "doctor", "--json"], env=place.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1])), check=False)
        found = {check["check"]: check for check in json.loads(low.stdout)["checks"]}
        expect(found, "open files", "warning", "64 open files", "ulimit -n")


def test_crash_reports():
    with Place() as place:
        old = place.write("data/crashes/crash-20200101T000000Z-7.json", json.dumps({"signal_name": "SIGSEGV", "model": "tiny", "sequences": [{}, {}]}))
        os.chmod(old, 0o600)
        found = checks(place)
        expect(found, "crashes", "warning", "SIGSEGV in the worker of tiny with 2 requests", old)
        os.utime(old, (time.time() - 90 * 24 * 3600,) * 2)
        expect(checks(place), "crashes", "note")
        os.chmod(old, 0o644)
        expect(checks(place), "crash reports", "warning", "chmod 600")
        place.write("data/crashes/crash-20200101T000001Z-8.json", "no report at all")
        expect(checks(place), "crashes", "warning")
        shutil.rmtree(os.path.join(place.data, "crashes"))
        expect(checks(place), "crashes", "ok")


def test_people_are_told_why_and_how():
    with Place() as place:
        path = place.write("data/key", "sk-1\n")
        os.chmod(path, 0o644)
        said = place.studio("doctor").must(1).out
        place_of = said.index("FAIL  key: ")
        assert "whoever has the key" in said[place_of:] and f"chmod 600 {path}" in said[place_of:]
