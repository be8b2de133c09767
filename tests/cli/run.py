#!/usr/bin/env python3
"""Drives the built program from outside, as people and scripts do. Usage: tests/cli/run.py [WORD...]: the tests whose name
has one of the words. STUDIO_BUILD: the build with the program."""
import concurrent.futures
import os
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import cases_adapters  # noqa: E402
import cases_doctor  # noqa: E402
import cases_draft  # noqa: E402
import cases_habits  # noqa: E402
import cases_kept_panels  # noqa: E402
import cases_keys  # noqa: E402
import cases_models  # noqa: E402
import cases_prefixes  # noqa: E402
import cases_serve  # noqa: E402
import cases_settings  # noqa: E402
import cases_talk  # noqa: E402

SIDE_BY_SIDE = 4  # they mostly wait for processes


def run(name, test):
    began = time.monotonic()
    try:
        test()
        print(f"ok {name} ({time.monotonic() - began:.1f} s)", flush=True)
        return True
    except Exception:  # noqa: BLE001: each test counts by itself
        print(f"FAILED {name}\n{traceback.format_exc()}", flush=True)
        return False


def main():
    tests = {name: test for cases in (cases_settings, cases_models, cases_serve, cases_talk, cases_habits, cases_keys, cases_prefixes, cases_kept_panels, cases_adapters, cases_draft, cases_doctor) for name, test in vars(cases).items()
             if name.startswith("test_") and (not sys.argv[1:] or any(word in name for word in sys.argv[1:]))}
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        results = list(pool.map(run, tests.keys(), tests.values()))
    print(f"{results.count(True)} passed, {results.count(False)} failed, 0 skipped")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
