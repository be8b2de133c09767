"""Runs tests that are plain functions, one after the other, and prints the counts that tests/run.py reads."""
import os
import sys
import time
import traceback


def note(name):
    """Tells who watches (conformance/record.py) which test is on."""
    if path := os.environ.get("STUDIO_TEST_NOTE"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(name)


def run_cases(*namespaces, call=lambda test: test(), log=lambda: ""):
    """The functions named test_* of the namespaces (globals(), vars(module)), in their order; of those whose name has one of
    the words on the command line, if there are any. `log` tells more of a failure. Returns the exit code."""
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    passed = failed = 0
    for name, test in [entry for namespace in namespaces for entry in namespace.items()]:
        if not name.startswith("test_") or (words and not any(word in name for word in words)):
            continue
        note(name)
        began = time.monotonic()
        try:
            call(test)
            passed += 1
            print(f"ok {name} ({time.monotonic() - began:.1f} s)", flush=True)
        except Exception:  # noqa: BLE001: each test counts by itself, none ends the run
            failed += 1
            print(f"FAILED {name}\n{traceback.format_exc()}{log()}", flush=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0
