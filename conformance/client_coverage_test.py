#!/usr/bin/env python3
"""Every client that tests/suites.toml runs asks at least 25 behaviours of behaviours.toml, some of them without exception, and has no
test beside them.

Prints the counts that tests/run.py reads, one test for each client. `--matrix` prints what each of them covers.
"""
import pathlib
import re
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
LEAST = 25  # of the list, by every client
ALWAYS = """usage system max_tokens stop greedy sampling unicode thinking thinking_off stream abort_stream concurrent long_prompt
    error_400 error_401 error_404 error_413 error_429 error_503 error_connection tools_auto tools_results tools_refused""".split()
TEST = re.compile(r"^ {2,4}async (\w+|'[^']*')\(\) \{|^def test_(\w+)\(", re.M)
# A file whose tests are asked as well: what a test.mjs imports `tests` of or cases.mjs, what a test.py imports of its folder.
SHARED = re.compile(r"from '\./((?:(?:schema_)?cases|platform|responses)\.mjs)'|\"(\.\./[\w-]+/test\.py)\"|^import (platform_tests|responses)$", re.M)


def behaviours():
    """Of each id its sentence."""
    groups = tomllib.loads((HERE / "behaviours.toml").read_text(encoding="utf-8"))
    return {name: sentence for group in groups.values() for name, sentence in group.items()}


def clients():
    """Of each client the file of its tests, as tests/suites.toml runs it: conformance/run.sh FOLDER [FILE]."""
    suites = tomllib.loads((HERE.parent / "tests/suites.toml").read_text(encoding="utf-8"))["suite"]
    found = {}
    for suite in suites:
        program, *words = suite["command"].split()
        if program != "conformance/run.sh":
            continue
        folder = HERE / words[0]
        found[suite["name"]] = folder / (words[1] if len(words) > 1 else "test.mjs" if (folder / "package.json").exists() else "test.py")
    return found


def own_tests(path):
    return [match[1] or match[2] for match in TEST.finditer(path.read_text(encoding="utf-8"))]


def tests_of(path):
    """The names of its tests and of those that it shares."""
    shared = [path.parent / (match[1] or match[2] or f"{match[3]}.py") for match in SHARED.finditer(path.read_text(encoding="utf-8"))]
    return [name for file in [*shared, path] for name in own_tests(file)]


def faults_of(path, known):
    names = tests_of(path)
    faults = [f"{name} is in no list" for name in names if name not in known]
    faults += [f"{name} is there twice" for name in set(names) if names.count(name) > 1]
    faults += [f"{name} is missing" for name in ALWAYS if name not in names]
    if len(names) < LEAST:
        faults.append(f"{len(names)} behaviours, not {LEAST}")
    return faults


def main():
    known, files = behaviours(), clients()
    if "--matrix" in sys.argv:
        for name in known:
            print(f"{name:20} {' '.join(client for client, path in files.items() if name in tests_of(path))}")
    failed = 0
    for client, path in files.items():
        faults = faults_of(path, known)
        failed += bool(faults)
        print("\n".join([f"{'FAILED' if faults else 'ok'} {client}: {len(tests_of(path))} of {len(known)}", *faults]))
    asked = {name for path in files.values() for name in tests_of(path)}
    unasked = [name for name in known if name not in asked]
    print(f"{'FAILED' if unasked else 'ok'} each behaviour is asked by a client {' '.join(unasked)}")
    print(f"{len(files) + 1 - failed - bool(unasked)} passed, {failed + bool(unasked)} failed, 0 skipped")
    return 1 if failed or unasked else 0


if __name__ == "__main__":
    sys.exit(main())
