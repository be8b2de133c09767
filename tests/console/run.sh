#!/usr/bin/env bash
# The console in a real browser (Debian's Chromium, driven by playwright-core) against the built program.
# Usage: tests/console/run.sh slice           all cases, on the built-in model
#        tests/console/run.sh full [FOLDER]   also on a real model, with `make run`, and screenshots into FOLDER
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
mode=${1:-slice} screens=${2:-$root/build/console/screens}
work=$root/build/console-tests
mkdir -p "$work"
cd "$work"
cp "$root"/tests/console/package.json "$root"/tests/console/package-lock.json .
PATH=$("$root/tools/npm_ci.sh"):$PATH
export PATH STUDIO_SOURCE=$root STUDIO_PROGRAM=${STUDIO_BUILD:-$root/build/release}/studio
[ -f "$root/build/console/dist/index.html" ] || { echo "the console is not built: console/build.sh --now" >&2; exit 1; }
# What needs no browser: the readers of foreign text, samples of code, texts of each language.
(cd "$root/console" && node --test --test-reporter=dot 'src/**/*.test.ts') || { echo "the console's own tests failed" >&2; exit 1; }
rm -rf cases && mkdir cases && cp "$root"/tests/console/*.mjs "$root"/tests/lib/*.mjs cases/

serve=(python3 "$root/tests/lib/server.py")
if [ "$mode" = slice ]; then
  exec "${serve[@]}" --model tiny -- node cases/run.mjs
fi
"${serve[@]}" --model tiny -- node cases/run.mjs
model=$STUDIO_MODELS/qwen2.5-coder-0.5b-instruct.gguf
mkdir -p "$screens"
"${serve[@]}" --model "$model" -- node cases/screenshots.mjs "$screens"
python3 "$root/tests/console/first_token.py" "$root" node "$work/cases/first_token.mjs"
