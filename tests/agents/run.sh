#!/usr/bin/env bash
# Coding agents, unmodified, against the real gateway over a scripted worker. Installs what the lockfile pins (1.2 GB) into
# build/agents. Usage: tests/agents/run.sh [WORD...]: of all agents, or those whose name has one of the words.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$root/build/agents
mkdir -p "$work"
cd "$work"
cp "$root"/tests/agents/package.json "$root"/tests/agents/package-lock.json .
PATH=$("$root/tools/npm_ci.sh"):$PATH
export PATH
exec python3 "$root/tests/agents/run.py" "$@"
