#!/usr/bin/env bash
# Runs the unmodified client in conformance/NAME against a real server with the built-in model.
# Usage: conformance/run.sh NAME [FILE.mjs]. Installs exactly what the folder's lockfile pins, into build/conformance/NAME.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
name=${1:?client folder}
tests=${2:-test.mjs}
source=$root/conformance/$name
# Small limits, so that a client can meet them: 12 choices at once in the engine, 8 requests at once by a key.
export STUDIO_ENGINE_MAX_SEQUENCES=4 STUDIO_ENGINE_MAX_QUEUE=8 STUDIO_SERVE_MAX_REQUESTS_PER_KEY=8
work=$root/build/conformance/$name
mkdir -p "$work"
cd "$work"

# Beside the built-in model: an encoder, for clients that ask for vectors.
more=()
case $name in dashscope*) more=(--model "$root/tests/golden/encoders/tiny-bert") ;; esac

# record.py has a server already, with itself before it.
run() {
  if [ -n "${STUDIO_CONFORMANCE_SERVER:-}" ]; then exec "$@"; fi
  exec python3 "$root/tests/lib/server.py" --model "${STUDIO_CONFORMANCE_MODEL:-tiny}" "${more[@]}" -- "$@"
}

if [ -f "$source/package-lock.json" ]; then
  cp "$source/package.json" "$source/package-lock.json" .
  PATH=$("$root/tools/npm_ci.sh"):$PATH
  export PATH
  cp "$source"/*.mjs "$root"/conformance/lib/*.mjs "$root/tests/lib/run_cases.mjs" .
  run node "$tests"
fi
"$root/tools/python_env.sh" "$name" >/dev/null
export PYTHONPATH=$root/tests/lib:$root/conformance/lib  # run_cases.py, studio.py
run "$root/build/venv/$name/bin/python" "$source/test.py"
