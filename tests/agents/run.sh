#!/usr/bin/env bash
# Coding agents, unmodified, against the real gateway over a scripted worker. Installs what the lockfile pins (1.2 GB) into
# build/agents; with --slice Qwen Code alone (160 MB), which every run of the tests takes. Usage: see run.py.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
locked=$root/tests/agents
export STUDIO_AGENTS=$root/build/agents
if [ "${1-}" = --slice ]; then
  locked=$locked/slice
  STUDIO_AGENTS=$root/build/agents-slice
  set -- qwen_code "${@:2}"
fi
mkdir -p "$STUDIO_AGENTS"
cd "$STUDIO_AGENTS"
cp "$locked"/package.json "$locked"/package-lock.json .
PATH=$("$root/tools/npm_ci.sh"):$PATH
export PATH
exec python3 "$root/tests/agents/run.py" "$@"
