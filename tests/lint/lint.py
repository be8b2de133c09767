#!/usr/bin/env python3
"""clang-tidy over the sources (.clang-tidy holds the checks).

Usage: tests/lint/lint.py [FILE...]     without files: src/, less tests, fuzz targets and benchmarks
       tests/lint/lint.py --all         every source that the build knows, and the static analyzer's checks as well
Needs a configured build (STUDIO_BUILD, build/release). A file is checked again only when it, a header of ours that it
includes, the compiler's flags or the checks changed: clean results are kept by digest in STUDIO_CACHE.
"""
import concurrent.futures
import functools
import hashlib
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("STUDIO_BUILD", "build/release"))
CACHE = os.path.join(os.environ.get("STUDIO_CACHE", os.path.expanduser("~/.cache/studio")), "tidy")
INCLUDE = re.compile(rb'^\s*#\s*include\s+"([^"]+)"', re.M)
NOT_BY_DEFAULT = re.compile(r"_(test|fuzz|bench)\.cc$")
# Symbolic execution: several times the cost of all other checks together.
ANALYZER = "clang-analyzer-core.*,clang-analyzer-cplusplus.*,clang-analyzer-unix.*"
MAX_LINES_SHOWN = 10  # of each file


@functools.cache
def read(path):
    with open(path, "rb") as file:
        return file.read()


def closure(path):
    """The file and every header of ours that it reaches, in a fixed order."""
    seen, left = {path}, [path]
    while left:
        at = left.pop()
        for name in INCLUDE.findall(read(at)):
            for folder in (os.path.join(ROOT, "src"), os.path.dirname(at)):
                target = os.path.normpath(os.path.join(folder, name.decode()))
                if os.path.isfile(target) and target not in seen:
                    seen.add(target)
                    left.append(target)
    return sorted(seen)


def digest(path, arguments, checks):
    whole = hashlib.sha256(checks.encode())
    whole.update(arguments.replace(ROOT, "").encode())
    for name in closure(path):
        whole.update(read(name))
    return whole.hexdigest()


def tidy(path, checks):
    """The lines that name faults; none when the file is clean."""
    command = ["clang-tidy-19", "-p", BUILD, "--quiet", "--warnings-as-errors=*"]
    if checks:
        command.append("--checks=" + checks)
    done = subprocess.run(command + [path], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return []
    lines = [line for line in done.stdout.splitlines() if " warning: " in line or " error: " in line]
    return sorted(set(lines)) or [done.stderr.strip()[-500:] or "clang-tidy failed without a word"]


def main():
    all_sources = "--all" in sys.argv[1:]
    named = [os.path.abspath(argument) for argument in sys.argv[1:] if argument != "--all"]
    with open(os.path.join(BUILD, "compile_commands.json"), encoding="utf-8") as file:
        commands = {entry["file"]: entry["command"] for entry in json.load(file) if entry["file"].endswith(".cc")}
    files = named or sorted(path for path in commands if all_sources or (
        path.startswith(os.path.join(ROOT, "src")) and not NOT_BY_DEFAULT.search(path)))
    version = subprocess.run(["clang-tidy-19", "--version"], capture_output=True, text=True, check=True).stdout
    extra = ANALYZER if all_sources else ""
    rules = version + extra + read(os.path.join(ROOT, ".clang-tidy")).decode()
    os.makedirs(CACHE, exist_ok=True)

    def check(path):
        kept = os.path.join(CACHE, digest(path, commands.get(path, ""), rules))
        if os.path.exists(kept):
            return path, []
        faults = tidy(path, extra)
        if not faults:
            open(kept, "wb").close()
        return path, faults

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, faults in pool.map(check, files):
            failed += bool(faults)
            for line in faults[:MAX_LINES_SHOWN]:
                print(line.replace(ROOT + "/", ""), flush=True)
    print(f"{len(files) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())
