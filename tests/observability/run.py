#!/usr/bin/env python3
"""What an operator sees: metrics, logs, crash reports. Each against a real server with the built-in model.

Usage: tests/observability/run.py [WORD...]: the tests whose name has one of the words."""
import os
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
import cases_crashes  # noqa: E402
import cases_logs  # noqa: E402
import cases_metrics  # noqa: E402


def main():
    passed = failed = 0
    for cases in (cases_metrics, cases_logs, cases_crashes):
        for name, test in vars(cases).items():
            if not name.startswith("test_") or (sys.argv[1:] and not any(word in name for word in sys.argv[1:])):
                continue
            try:
                test()
                passed += 1
                print(f"ok {name}", flush=True)
            except Exception:  # noqa: BLE001: each test counts by itself
                failed += 1
                print(f"FAILED {name}\n{traceback.format_exc()}", flush=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
