#!/usr/bin/env bash
# Runs run.py with the pinned DashScope SDK. Usage: tests/tasks/run.sh [--full] [WORD...]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
venv=$("$root/tools/python_env.sh" dashscope-python)
exec "$venv/bin/python" "$root/tests/tasks/run.py" "$@"
