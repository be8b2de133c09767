#!/usr/bin/env python3
"""What a request that is made to cost costs, beside a well-formed one of its size on its route: processor time and memory of gateway and workers.

Usage: run.py [SIZE...] (bytes, by default 2000, 60000 and 1000000). Prints the dearest, and fails where one costs more than 100 times the well-formed one,
or its memory more than 100 times. Times are those of the processes, so a busy machine changes little; still they are no part of `make test`.
"""
import json
import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests", folder) for folder in ("lib", "hostile")]
import shapes  # noqa: E402
from server import Server  # noqa: E402
from target import Target  # noqa: E402

MOST_TIMES = 100
ROUNDS = 3
# What processes do beside requests, and pages that an allocator takes at once.
LEAST_SECONDS, LEAST_BYTES = 0.0005, 1 << 20


def spent_seconds(pids):
    """Processor time of all threads."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            try:
                with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                    total += int(file.read().split()[0])
            except FileNotFoundError:
                pass  # it has just ended
    return total / 1e9


def memory_of(pids, name):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith(name + ":")) * 1024
    return total


def forget_peaks(pids):
    for pid in pids:
        with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")


def raw(body, mark):
    """Bytes of it; `mark` keeps a repeated one from being found computed."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return text.replace('"hi"', f'"hi {mark}"').replace(shapes.NEW, f"{shapes.NEW}{mark}").replace("The old violin", f"{mark} The old violin", 1).encode("utf-8", "surrogatepass")


def cost(target, route, body, mark):
    """(status, seconds, bytes): the least of ROUNDS, each with something new in it."""
    seconds, memory, status = [], [], None
    for i in range(ROUNDS):
        before = memory_of(target.pids, "VmRSS")
        forget_peaks(target.pids)
        begun = spent_seconds(target.pids)
        status, _, _ = target.post(route, raw(body, f"{mark}{i}"))
        time.sleep(0.002)  # what follows an answer
        seconds.append(spent_seconds(target.pids) - begun)
        memory.append(memory_of(target.pids, "VmHWM") - before)
    return status, min(seconds), min(memory)


def measure(target, size):
    plain, rows = {}, []
    for number, (route, what, body, *well_formed) in enumerate(shapes.all_of_them(size)):
        if route not in plain:  # the dearest: a long text may be over the model's context
            plain[route] = max((cost(target, route, each, f"p{number}x") for each in well_formed), key=lambda one: one[1])
            print(f"  {size:6} bytes, well-formed, {route}: {plain[route][0]}, {plain[route][1] * 1e3:.2f} ms, {plain[route][2] / 2**20:.1f} MB", flush=True)
        status, seconds, memory = cost(target, route, body, f"h{number}x")
        times = max(seconds, LEAST_SECONDS) / max(plain[route][1], LEAST_SECONDS)
        sizes = max(memory, LEAST_BYTES) / max(plain[route][2], LEAST_BYTES)
        rows.append((times, sizes, f"{size} bytes, {route}, {what}: {status}, {seconds * 1e3:.2f} ms ({times:.1f}x), {memory / 2**20:.1f} MB ({sizes:.1f}x)"))
    return rows


def main():
    sizes = [int(size) for size in sys.argv[1:]] or [2000, 60000, 1000000]
    golden = os.path.join(ROOT, "tests/golden/encoders")
    rows = []
    with Server(models=["tiny", os.path.join(golden, "tiny-bert"), os.path.join(golden, "tiny-ranker")]) as server:
        target = Target(server, processes=4)
        for size in sizes:
            rows += measure(target, size)
    for _, _, told in sorted(rows, reverse=True)[:12] + sorted(rows, key=lambda row: -row[1])[:3]:
        print("  " + told)
    failed = [told for times, memory, told in rows if times > MOST_TIMES or memory > MOST_TIMES]
    for told in failed:
        print("FAILED " + told)
    print(f"{len(rows) - len(failed)} passed, {len(failed)} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
