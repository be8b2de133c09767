#!/usr/bin/env python3
"""Every fuzz target for SECONDS each on its kept corpus and words, two at a time. Usage: tests/fuzz/run.py SECONDS [READER|TARGET...]

A short run (under a minute) is the same every time, so that it can guard a change: a fixed seed and number of inputs, nothing
learnt from earlier runs; it shares the quick build of the asan suite. From a minute on an optimised build pays for itself, and
what is found stays in build/fuzz-corpus for the next run. A crashing input is kept there too, and named.
"""
import os
import re
import shutil
import subprocess
import sys

import readers as table

RUNS_PER_SECOND = 2000
FOUND = os.path.join(table.ROOT, "build/fuzz-corpus")


def fuzz(target, seconds, preset):
    is_short = preset == "asan"
    found = os.path.join(table.ROOT, "build", "fuzz-short", target) if is_short else os.path.join(FOUND, target)
    if is_short:
        shutil.rmtree(found, ignore_errors=True)
    os.makedirs(found, exist_ok=True)
    os.makedirs(FOUND, exist_ok=True)
    limits = ["-seed=1", f"-runs={seconds * RUNS_PER_SECOND}", "-max_total_time=120"] if is_short else [f"-max_total_time={seconds}"]
    limits.append(f"-artifact_prefix={FOUND}/{target}-")
    done = subprocess.run(table.command_of(table.program(target, preset), target, [found], limits), cwd=table.ROOT,
                          env=table.environment(), capture_output=True, text=True, errors="replace", check=False)
    with open(os.path.join(table.ROOT, "build", f"fuzz-{target}.log"), "w", encoding="utf-8") as log:
        log.write(done.stderr)
    if done.returncode != 0:
        return False, f"FAILED  {target}\n" + "\n".join(done.stderr.splitlines()[-25:])
    runs = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    edges = re.findall(r"cov: (\d+)", done.stderr)
    return True, f"ok      {target}: {runs.group(1) if runs else '?'} runs, {edges[-1] if edges else '?'} edges"


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    readers = table.load()
    passed = failed = 0
    for fault in table.faults_of_table(readers):
        print("FAILED  " + fault)
        failed += 1
    targets = table.targets_of(table.chosen(readers, sys.argv[2:]))
    preset = "asan" if seconds < 60 else "asan-full"
    fault = table.build(preset, targets)
    if fault:
        print(fault + "\n0 passed, 1 failed, 0 skipped")
        return 1
    for is_right, text in table.side_by_side(lambda target: fuzz(target, seconds, preset), targets):
        passed, failed = passed + is_right, failed + (not is_right)
        print(text, flush=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
