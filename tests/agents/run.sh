#!/usr/bin/env bash
# Coding agents, unmodified, against the real gateway over a scripted worker. Installs what the lockfile pins (1.2 GB) into
# build/agents. Usage: see run.py.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$root/build/agents
mkdir -p "$work"
cd "$work"
cp "$root"/tests/agents/package.json "$root"/tests/agents/package-lock.json .
PATH=$("$root/tools/npm_ci.sh"):$PATH
export PATH
exec python3 "$root/tests/agents/run.py" "$@"
