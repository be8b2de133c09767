#!/usr/bin/env python3
"""Model files cut, flipped and truncated under their reader. Usage: tests/hostile_files/run.py [CUT_STEP FLIP_STEP]

Each kind of file of formats.cc, in a model of over 1 MiB with tensors of every type, is cut at every CUT_STEP-th byte of its header
and has every FLIP_STEP-th bit of it flipped, and the model is loaded each time as a gateway and a worker would, in one process. A
sample goes through the real program: `studio show`, `studio import`, and a gateway with a worker. Then files are cut while they are
served, and put back.
"""
import json
import os
import resource
import shutil
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
from patience import PATIENCE  # noqa: E402
from server import BUILD, Server  # noqa: E402

SWEEP = os.path.join(BUILD, "tests/hostile_files/hostile_files")
STUDIO = os.path.join(BUILD, "studio")
FORMATS = ["gguf", "panels", "safetensors", "config", "tokenizer", "tokenizer_config", "index"]  # of formats.cc
MAPPED = ["gguf", "panels", "safetensors"]  # whose file a worker maps
SHOWN = 8             # damaged files through `studio show`
SERVED = 2            # cut ones, and as many flipped, through `studio serve` and `studio import`
TIMEOUT_S = 3600 * PATIENCE   # of a sweep
COMMAND_S = 60 * PATIENCE     # of one command; it answers in milliseconds
GIVEN_UP_S = 20 * PATIENCE    # a model that no longer loads is told of after three loads, which take a second
BACK_S = 60 * PATIENCE        # a sound file is found within the supervisor's longest pause, 5 s, and a load
REQUEST_S = 150 * PATIENCE    # over the minute that a lost worker is waited for
# Of processor time of `studio show`, from its start to its end; a sanitizer costs ten times as much.
PROGRAM_MS = 100 if os.path.basename(BUILD) == "release" else 1000

passed = failed = 0


def expect(is_right, what):
    global passed, failed
    passed, failed = passed + bool(is_right), failed + (not is_right)
    print(f"{'ok' if is_right else 'FAILED'} {what}", flush=True)


def sweep(format_name, verb, model, step=1):
    done = subprocess.run([SWEEP, format_name, verb, model, str(step)], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{format_name} {verb}: exit {done.returncode}\n{done.stderr[-4000:]}")
    return json.loads(done.stdout)


def report(format_name, verb, told, what):
    print(f"  {format_name} {verb}: {told['loads']} loads, {told['refused']} refused, {told['accepted']} taken; "
          f"the slowest refusal {told['slowest_ms']:.1f} ms; such as: {told['example']}")
    for fault in told["faults"]:
        print("  " + fault)
    expect(not told["faults"] and told["loads"] > 0 and told["refused"] > 0, f"{format_name}: {what}")


def damaged(model, file, kind, place):
    """A copy of the model, which is `file` or holds it, with that damaged."""
    victim = f"{model}-{kind}-{place}"
    copy = shutil.copytree if os.path.isdir(model) else shutil.copy
    copy(model, victim)
    with open(victim + file.removeprefix(model), "r+b") as bad:
        if kind == "cut":
            bad.truncate(place)
        else:
            bad.seek(place // 8)
            byte = bad.read(1)[0]
            bad.seek(place // 8)
            bad.write(bytes([byte ^ 1 << place % 8]))
    return victim


def remove(model):
    (shutil.rmtree if os.path.isdir(model) else os.remove)(model)


def pick(places, count):
    return [places[i * (len(places) - 1) // max(count - 1, 1)] for i in range(min(count, len(places)))]


def processor_ms():
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (spent.ru_utime + spent.ru_stime)


def run_studio(*words):
    """What it said, and its processor time."""
    before = processor_ms()
    done = subprocess.run([STUDIO, *words], capture_output=True, text=True, errors="replace", timeout=COMMAND_S, check=False)
    return done, processor_ms() - before


def is_clear(text):
    """One error, in words, of no stack trace."""
    return 10 < len(text) < 2000 and "terminate called" not in text


def through_show(format_name, model, file, samples):
    slowest, bad = 0, []
    for kind, place in samples:
        victim = damaged(model, file, kind, place)
        done, took = run_studio("show", victim, "--json")
        slowest = max(slowest, took)
        # What `show` does not read may be damaged: a bit of a text, or a tokenizer's.
        is_error = done.returncode > 0 and is_clear(done.stderr)
        if not (is_error or (kind == "flip" and done.returncode == 0)):
            bad.append(f"{kind} {place}: exit {done.returncode}: {done.stderr[-300:]}")
        remove(victim)
    print(f"  studio show: {len(samples)} files, the slowest {slowest:.0f} ms of processor time" + "".join("\n  " + line for line in bad))
    expect(not bad, f"{format_name}: studio show refuses in words, no signal")
    expect(slowest < PROGRAM_MS, f"{format_name}: studio show is done within {PROGRAM_MS} ms of processor time")


def through_commands(folder, format_name, model, file, samples):
    """Started with a bad file, the gateway says why and ends by itself; so does an import, whose reader is a process of its own."""
    bad, data = [], os.path.join(folder, "data")
    for kind, place in samples:
        victim = damaged(model, file, kind, place)
        for words in (("serve", "--listen", "127.0.0.1:0", "--model", victim), ("import", victim, f"{format_name}-{kind}-{place}")):
            done, _ = run_studio(*words, "--data", data)
            # An import reads no more of the text side than it carries over: the first to use it finds the fault.
            is_carried = words[0] == "import" and kind == "flip" and done.returncode == 0
            if not is_carried and (done.returncode <= 0 or not is_clear(done.stderr) or "ended by signal" in done.stderr):
                bad.append(f"{words[0]} {kind} {place}: exit {done.returncode}: {done.stderr[-600:]}")
        remove(victim)
    for line in bad:
        print("  " + line)
    expect(not bad, f"{format_name}: studio serve and studio import refuse in words, no signal")


def ask(server, model, word):
    body = {"model": model, "messages": [{"role": "user", "content": word}], "max_tokens": 4, "temperature": 0}
    request = urllib.request.Request(server.url + "/v1/chat/completions", json.dumps(body).encode(),
                                     {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=REQUEST_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def worker_of(server, name):
    """The process that a model is served by; None between two lives."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == server.process.pid and "worker" in words and any(os.path.basename(word) == name for word in words):
            return int(pid)
    return None


def ask_until(server, model, is_right, limit_s, started):
    """(status, message, seconds since `started`) of the first answer that is right, or of the last one within the limit."""
    while True:
        status, answer = ask(server, model, "another word")
        took = time.monotonic() - started
        if is_right(status) or took > limit_s:
            return status, answer.get("error", {}).get("message", ""), took
        time.sleep(0.05)


def cut_while_served(server, format_name, file, header_bytes):
    """The worker maps the file and may die of the cut; it cannot load it again, and can once it is as it was."""
    name = f"served-{format_name}"
    with open(file, "rb") as sound:
        whole = sound.read()
    started = time.monotonic()
    os.truncate(file, header_bytes)
    status, answer = ask(server, name, "another word")
    message, took = answer.get("error", {}).get("message", ""), time.monotonic() - started
    print(f"  {format_name}, asked after the cut: {status} in {took:.1f} s")
    if status == 200:  # it had read all that it needed; what begins anew needs the file
        os.kill(worker_of(server, name), signal.SIGKILL)
        status, message, took = ask_until(server, name, lambda status: status >= 500, GIVEN_UP_S, started)
    print(f"  {format_name} after the cut: {status} in {took:.1f} s: {message}")
    expect(status == 503 and f"'{name}' cannot be loaded" in message and took < GIVEN_UP_S,
           f"{format_name}: a served model whose file was cut is soon told of, by name")
    expect(ask(server, "tiny", "hello")[0] == 200, f"{format_name}: the model beside it answers")
    with open(file, "r+b") as bad:
        bad.write(whole)
    status, message, took = ask_until(server, name, lambda status: status == 200, BACK_S, time.monotonic())
    print(f"  {format_name} with its file back: {status} after {took:.1f} s {message}")
    expect(status == 200, f"{format_name}: it comes back by itself with its file")


def pulled_from_under(folder):
    """A mapped file that is cut ends its worker; neither the gateway nor a model beside it."""
    models = {name: os.path.join(folder, f"served-{name}") for name in MAPPED}
    made = {name: sweep(name, "make", model) for name, model in models.items()}
    # What ends the worker is the signal itself, not a sanitizer's report of it.
    quiet = {name: (os.environ.get(name, "") + ":handle_sigbus=0").lstrip(":") for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")}
    with Server(models=[*models.values(), "tiny"], extra=["--threads", "1"], env=quiet) as server:
        for name in MAPPED:
            expect(ask(server, f"served-{name}", "the hedgehog")[0] == 200, f"{name}: the sound file is served")
            cut_while_served(server, name, made[name]["file"], made[name]["header_bytes"])
        expect(server.process.poll() is None, "the gateway lives")
        server.process.send_signal(signal.SIGTERM)
        expect(server.process.wait(30 * PATIENCE) == 0, "and stops in order")
        server.log.flush()
        with open(server.log_path, encoding="utf-8", errors="replace") as log:
            expect("bytes long where its preamble says" in log.read(), "the log has the reason")


def check(folder, format_name, cut_step, flip_step):
    model = os.path.join(folder, "sound")
    made = sweep(format_name, "make", model)
    file, header_bytes = made["file"], made["header_bytes"]
    print(f"{format_name}: {made['bytes']} bytes, {header_bytes} of them header")
    expect(2**20 <= made["bytes"] < 4 * 2**20, f"{format_name}: a sound model of over 1 MiB loads")
    cut = sweep(format_name, "cut", model, cut_step)
    report(format_name, "cut", cut, f"cut at every {cut_step}. byte of the header" if cut_step > 1 else "cut at every byte of the header")
    flip = sweep(format_name, "flip", model, flip_step)
    report(format_name, "flip", flip, f"every {flip_step}. bit of the header flipped" if flip_step > 1 else "every bit of the header flipped")
    cuts = [("cut", place) for place in pick(cut["refused_at"], SHOWN // 2)]
    if format_name in MAPPED:
        cuts[-2:] = [("cut", header_bytes), ("cut", os.path.getsize(file) - 1)]
    flips = [("flip", place) for place in pick(flip["refused_at"], SHOWN // 2)]
    through_show(format_name, model, file, cuts + flips)
    through_commands(folder, format_name, model, file, pick(cuts, SERVED) + pick(flips, SERVED))


def counted(what, act, *words):
    """In a folder of its own. A fault that is not a finding is counted as one, and the others go on."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="studio-hostile-") as folder:
        try:
            act(folder, *words)
        except Exception:  # noqa: BLE001
            expect(False, f"{what}\n{traceback.format_exc()}")
    print(f"{what}: {time.monotonic() - started:.1f} s", flush=True)


def main():
    steps = [int(word) for word in sys.argv[1:3]] or [1, 1]
    for format_name in FORMATS:
        counted(format_name, check, format_name, *steps)
    counted("files cut while they are served", pulled_from_under)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
