#!/usr/bin/env python3
"""Runs the suites of tests/suites.toml and prints the counts last.

Usage: tests/run.py [NAME...]          the named suites, or all
       tests/run.py --show NAME        the long form of one
       tests/run.py --list
With STUDIO_SKIP_IS_FAILURE=1 a skipped test fails the run. Logs: build/test-logs/NAME.log.
"""
import concurrent.futures
import glob
import os
import re
import signal
import subprocess
import sys
import time
import tomllib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build/release")
LOGS = os.path.join(ROOT, "build/test-logs")
CACHE = os.environ.get("STUDIO_CACHE", os.path.expanduser("~/.cache/studio"))
COUNTS = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?")
TEST_MODELS = ["smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"]
JOBS = 2  # unit programs side by side: the machines have two cores


class Counts:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def fetch_models():
    """Pulls the real models into the cache with the program itself. Returns the folder, or None if none can be had."""
    if os.environ.get("STUDIO_MODELS"):
        return os.environ["STUDIO_MODELS"]
    data = os.path.join(CACHE, "test-models")
    for name in TEST_MODELS:
        done = subprocess.run([os.path.join(BUILD, "studio"), "pull", name, "--data", data, "--quiet"], cwd=ROOT,
                              check=False, timeout=900)
        if done.returncode != 0:
            print(f"models: {name} cannot be fetched (exit {done.returncode})", flush=True)
    folder = os.path.join(data, "models")
    return folder if glob.glob(os.path.join(folder, "*.gguf")) else None


def run_logged(command, name, timeout_s, env, is_shown=False):
    """Runs a shell command with its output in a log, and seen if it is shown; ends its whole process group on a time-out."""
    path = os.path.join(LOGS, name + ".log")
    if is_shown:
        command = f"set -o pipefail; {{ {command}; }} 2>&1 | tee '{path}'"
    with open(os.devnull if is_shown else path, "wb") as log:
        process = subprocess.Popen(command, shell=isinstance(command, str), cwd=ROOT, env=env, stdout=None if is_shown else log,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
                                   executable="/bin/bash" if isinstance(command, str) else None)
        try:
            code = process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            code = -1
            log.write(f"\nended after {timeout_s} s\n".encode())
    with open(path, "rb") as log:
        return code, log.read().decode(errors="replace")


def counts_of_gtest(code, text):
    passed = re.search(r"\[  PASSED  \] (\d+) test", text)
    failed = re.search(r"\[  FAILED  \] (\d+) test", text)
    skipped = re.search(r"\[  SKIPPED \] (\d+) test", text)
    counts = Counts(*(int(m.group(1)) if m else 0 for m in (passed, failed, skipped)))
    if code != 0 and counts.failed == 0:
        counts.failed = 1  # it died before it could count
    return counts


def counts_of_script(code, text):
    found = COUNTS.findall(text)
    counts = Counts(*(int(n or 0) for n in found[-1])) if found else Counts(passed=1 if code == 0 else 0)
    if code != 0 and counts.failed == 0:
        counts.failed = 1
    return counts


def run_unit(timeout_s, env):
    programs = sorted(p for part in ("src", "tests") for p in glob.glob(os.path.join(BUILD, part, "**/*_test"), recursive=True)
                      if os.access(p, os.X_OK) and os.path.isfile(p))
    total, text = Counts(), ""

    def one(program):
        name = "unit-" + os.path.basename(program)
        code, output = run_logged([program, "--gtest_brief=0"], name, timeout_s, env)
        return os.path.basename(program), counts_of_gtest(code, output), output

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for name, counts, output in pool.map(one, programs):
            total.add(counts)
            print(f"  {name}: {counts}", flush=True)
            if counts.failed:
                text += output
    return total, text


def run_suite(suite, env, long_form):
    started = time.monotonic()
    command = suite.get("show", suite["command"]) if long_form else suite["command"]
    if command == "@unit":
        counts, text = run_unit(suite["timeout_s"], env)
    else:
        timeout_s = suite.get("show_timeout_s", 6 * 3600) if long_form else suite["timeout_s"]
        code, text = run_logged(command, suite["name"], timeout_s, env, is_shown=long_form)
        counts = counts_of_script(code, text)
    print(f"{suite['name']}: {counts} ({time.monotonic() - started:.1f} s)", flush=True)
    if counts.failed and not long_form:
        print("\n".join("    " + line for line in text.splitlines()[-60:]), flush=True)
    elif counts.skipped and not long_form:
        print("\n".join("    " + line for line in text.splitlines() if "skip" in line.lower())[-2000:], flush=True)
    return counts


def main():
    with open(os.path.join(ROOT, "tests/suites.toml"), "rb") as file:
        suites = tomllib.load(file)["suite"]
    arguments = sys.argv[1:]
    if "--list" in arguments:
        for suite in suites:
            show = f"make show-{suite['name']}"
            print(f"{show:<28} {suite['about']}")
        return 0
    long_form = "--show" in arguments
    names = [a for a in arguments if not a.startswith("--")]
    unknown = set(names) - {s["name"] for s in suites} | set(arguments) - set(names) - {"--show"}
    if unknown:
        print(f"no such suite or option: {', '.join(sorted(unknown))}; tests/run.py [--list] [--show] [SUITE...]", file=sys.stderr)
        return 2
    chosen = [s for s in suites if s["name"] in names or (not names and s.get("by_default", True))]

    os.makedirs(LOGS, exist_ok=True)
    env = dict(os.environ, STUDIO_BUILD=BUILD, STUDIO_CACHE=CACHE)
    if any("models" in s.get("needs", []) for s in chosen):
        models = fetch_models()
        if models:
            env["STUDIO_MODELS"] = models
    started = time.monotonic()
    total = Counts()
    for suite in chosen:
        total.add(run_suite(suite, env, long_form))
    print(f"all suites: {time.monotonic() - started:.0f} s")
    if total.skipped and os.environ.get("STUDIO_SKIP_IS_FAILURE") == "1":
        print("a skipped test fails this run (STUDIO_SKIP_IS_FAILURE=1)", flush=True)
    print(total, flush=True)  # the counts are the last line, whatever the outcome
    if total.skipped and os.environ.get("STUDIO_SKIP_IS_FAILURE") == "1":
        return 1
    return 1 if total.failed or total.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
