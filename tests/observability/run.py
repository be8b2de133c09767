#!/usr/bin/env python3
"""What an operator sees: metrics, logs, crash reports. Each against a real server with the built-in model.

Usage: tests/observability/run.py [WORD...]: the tests whose name has one of the words."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
from run_cases import run_cases  # noqa: E402
import cases_crashes  # noqa: E402
import cases_logs  # noqa: E402
import cases_metrics  # noqa: E402


if __name__ == "__main__":
    sys.exit(run_cases(vars(cases_metrics), vars(cases_logs), vars(cases_crashes)))
