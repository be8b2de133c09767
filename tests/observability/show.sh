#!/usr/bin/env bash
# The suite, and the exposition read by Prometheus' own Python client as well.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=$(tools/python_env.sh observability)
python3 tests/observability/run.py
python3 tests/lib/server.py --model tiny -- "$venv/bin/python" tests/observability/read_by_client.py
