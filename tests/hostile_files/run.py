#!/usr/bin/env python3
"""Model files cut, flipped and truncated under their reader. Usage: tests/hostile_files/run.py [CUT_STEP FLIP_STEP]

Each format of formats.cc: a model of 1 MiB with tensors of every type is cut at every CUT_STEP-th byte of its header and has
every FLIP_STEP-th bit of it flipped, and is loaded each time as a worker would, in one process. A sample goes through the real
program: `studio show`, and a gateway with a worker. The last one loses half its file while it is served.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
from server import BUILD, Server  # noqa: E402

SWEEP = os.path.join(BUILD, "tests/hostile_files/hostile_files")
STUDIO = os.path.join(BUILD, "studio")
FORMATS = ["gguf"]    # of formats.cc
SHOWN = 12            # damaged files through `studio show`
SERVED = 3            # and through `studio serve`, which starts a worker
TIMEOUT_S = 900       # of a sweep
COMMAND_S = 60        # of one command; it answers in milliseconds
LOST_S = 150          # a worker gone for good is given up within a minute
PROGRAM_MS = 2000     # of `studio show` from start to end, on a busy machine; the reader itself is held to 100 ms above

passed = failed = 0


def expect(is_right, what):
    global passed, failed
    passed, failed = passed + bool(is_right), failed + (not is_right)
    print(f"{'ok' if is_right else 'FAILED'} {what}", flush=True)


def sweep(format_name, verb, path, step=1):
    done = subprocess.run([SWEEP, format_name, verb, path, str(step)], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{format_name} {verb}: exit {done.returncode}\n{done.stderr[-4000:]}")
    return json.loads(done.stdout)


def report(format_name, verb, told, what):
    print(f"  {format_name} {verb}: {told['loads']} loads, {told['refused']} refused, {told['accepted']} taken; "
          f"the slowest refusal {told['slowest_ms']:.1f} ms; such as: {told['example']}")
    for fault in told["faults"]:
        print("  " + fault)
    expect(not told["faults"] and told["loads"] > 0 and told["refused"] > 0, f"{format_name}: {what}")


def damaged(path, kind, place):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    if kind == "cut":
        return bytes(data[:place])
    data[place // 8] ^= 1 << place % 8
    return bytes(data)


def pick(places, count):
    return [places[i * (len(places) - 1) // max(count - 1, 1)] for i in range(min(count, len(places)))]


def run_studio(*words):
    started = time.monotonic()
    done = subprocess.run([STUDIO, *words], capture_output=True, text=True, errors="replace", timeout=COMMAND_S, check=False)
    return done, 1000 * (time.monotonic() - started)


def is_clear(text):
    """One error, in words, of no stack trace."""
    return 10 < len(text) < 2000 and "terminate called" not in text


def through_show(folder, format_name, path, samples):
    slowest, bad = 0, []
    for kind, place in samples:
        victim = os.path.join(folder, f"{kind}-{place}.gguf")
        with open(victim, "wb") as file:
            file.write(damaged(path, kind, place))
        done, took = run_studio("show", victim, "--json")
        slowest = max(slowest, took)
        # A flipped bit may leave a file that can be shown; a cut one cannot.
        is_error = done.returncode > 0 and is_clear(done.stderr)
        if not (is_error or (kind == "flip" and done.returncode == 0)):
            bad.append(f"{kind} {place}: exit {done.returncode}: {done.stderr[-300:]}")
        os.remove(victim)
    print(f"  studio show: {len(samples)} files, the slowest {slowest:.0f} ms" + "".join("\n  " + line for line in bad))
    expect(not bad, f"{format_name}: studio show refuses in words, no signal")
    expect(slowest < PROGRAM_MS, f"{format_name}: studio show is done at once")


def through_serve(folder, format_name, path, samples):
    """Started with a bad file, the gateway says why and ends by itself."""
    bad = []
    for kind, place in samples:
        victim = os.path.join(folder, "served.gguf")
        with open(victim, "wb") as file:
            file.write(damaged(path, kind, place))
        done, _ = run_studio("serve", "--listen", "127.0.0.1:0", "--data", os.path.join(folder, "data"), "--model", victim)
        if done.returncode <= 0 or not is_clear(done.stderr):
            bad.append(f"{kind} {place}: exit {done.returncode}: {done.stderr[-600:]}")
    for line in bad:
        print("  " + line)
    expect(not bad, f"{format_name}: studio serve refuses in words, no signal in the gateway")


def ask(server, model, word):
    body = {"model": model, "messages": [{"role": "user", "content": word}], "max_tokens": 4, "temperature": 0}
    request = urllib.request.Request(server.url + "/v1/chat/completions", json.dumps(body).encode(),
                                     {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=LOST_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def pulled_from_under(folder, format_name, path, header_bytes):
    """A worker maps its file. When that is cut, the worker may die and stay dead; the gateway may not, nor the model beside it."""
    # What ends the worker is the signal itself, not a sanitizer's report of it.
    quiet = {name: (os.environ.get(name, "") + ":handle_sigbus=0").lstrip(":") for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")}
    with Server(models=[path, "tiny"], env=quiet) as server:
        names = [model if isinstance(model, str) else model["id"] for model in server.models]
        mine = next(name for name in names if name != "tiny")
        status, _ = ask(server, mine, "the hedgehog")
        expect(status == 200, f"{format_name}: the sound file is served")
        os.truncate(path, header_bytes)
        started = time.monotonic()
        status, answer = ask(server, mine, "another word")
        took = time.monotonic() - started
        message = answer.get("error", {}).get("message", "")
        print(f"  after the cut: {status} in {took:.1f} s: {message}")
        expect(status in (500, 502, 503) and len(message) > 10, f"{format_name}: a model whose file was cut answers with an error")
        expect(server.process.poll() is None, f"{format_name}: the gateway lives")
        status, answer = ask(server, "tiny", "hello")
        expect(status == 200, f"{format_name}: the model beside it answers")
        server.process.send_signal(signal.SIGTERM)
        expect(server.process.wait(30) == 0, f"{format_name}: and the gateway stops in order")


def check(format_name, cut_step, flip_step):
    with tempfile.TemporaryDirectory(prefix="studio-hostile-") as folder:
        path = os.path.join(folder, "sound.gguf")
        made = sweep(format_name, "make", path)
        print(f"{format_name}: {made['bytes']} bytes, {made['header_bytes']} of them header")
        expect(0.75 * 2**20 < made["bytes"] < 1.5 * 2**20, f"{format_name}: a sound model of about 1 MiB loads")
        cut = sweep(format_name, "cut", path, cut_step)
        report(format_name, "cut", cut, f"cut at every {cut_step}. byte of the header" if cut_step > 1 else "cut at every byte of the header")
        flip = sweep(format_name, "flip", path, flip_step)
        report(format_name, "flip", flip, f"every {flip_step}. bit of the header flipped" if flip_step > 1 else "every bit of the header flipped")
        cuts = [("cut", place) for place in pick(cut["refused_at"], SHOWN // 2 - 2)]
        cuts += [("cut", made["header_bytes"]), ("cut", made["bytes"] - 1)]
        flips = [("flip", place) for place in pick(flip["refused_at"], SHOWN // 2)]
        through_show(folder, format_name, path, cuts + flips)
        through_serve(folder, format_name, path, pick(cuts, SERVED) + pick(flips, SERVED))
        pulled_from_under(folder, format_name, path, made["header_bytes"])


def main():
    steps = [int(word) for word in sys.argv[1:3]] or [1, 1]
    for format_name in FORMATS:
        try:
            check(format_name, *steps)
        except Exception:  # noqa: BLE001: counted, and the other formats go on
            expect(False, f"{format_name}\n{traceback.format_exc()}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
