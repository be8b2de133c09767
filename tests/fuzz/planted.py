#!/usr/bin/env python3
"""A bug planted in each reader is found by its fuzz target from the kept seeds within a minute. Usage: tests/fuzz/planted.py [READER|TARGET...]

The bugs stand in readers.toml. The unchanged targets are clean on the same seeds (tests/fuzz/run.py): what turns red here is the bug.
"""
import os
import shutil
import subprocess
import sys
import time

import readers as table

sys.path.insert(0, os.path.join(table.ROOT, "tests/lib"))
from planted_copy import COPY, CannotPlant, copy_sources, planted  # noqa: E402

SECONDS = 60
PRESET = "asan"


def find(target):
    """Seconds until the target stops on an input, and the line that says why; None where it goes on to the end."""
    found = os.path.join(COPY, "build/found", target)
    shutil.rmtree(found, ignore_errors=True)
    os.makedirs(found)
    limits = [f"-max_total_time={SECONDS}", "-seed=1", f"-artifact_prefix={found}/"]
    started = time.monotonic()
    try:
        done = subprocess.run(table.command_of(table.program(target, PRESET, COPY), target, [found], limits), cwd=COPY,
                              env=table.environment(), capture_output=True, text=True, errors="replace", check=False,
                              timeout=5 * SECONDS)
    except subprocess.TimeoutExpired:
        return None, "it hung"
    if done.returncode == 0:
        return None, "not found"
    reasons = [line for line in done.stderr.splitlines() if line.startswith("SUMMARY") or "ssertion" in line]
    return time.monotonic() - started, reasons[0] if reasons else "no reason given"


def try_bug(reader, bug):
    try:
        with planted(bug):
            fault = table.build(PRESET, reader["targets"], COPY, "planted-build.log")
            return (None, "it does not compile:\n" + fault) if fault else find(reader["targets"][0])
    except CannotPlant as reason:
        return None, str(reason)


def main():
    passed = failed = 0
    copy_sources()
    for reader in table.chosen(table.load(), sys.argv[1:]):
        for bug in reader["bugs"]:
            took, reason = try_bug(reader, bug)
            is_found = took is not None
            passed, failed = passed + is_found, failed + (not is_found)
            print(f"{'found  ' if is_found else 'FAILED '} {reader['name']}: " + (f"{took:.1f} s, " if is_found else "") + reason,
                  flush=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
