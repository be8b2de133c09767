#!/usr/bin/env bash
# Pages of other origins against a real server, in Debian's Chromium. Installs what the lockfile pins into build/origin-tests.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$root/build/origin-tests
mkdir -p "$work"
cd "$work"
cp "$root"/tests/origin/package.json "$root"/tests/origin/package-lock.json .
PATH=$("$root/tools/npm_ci.sh"):$PATH
export PATH
cp "$root"/tests/origin/*.mjs "$root"/tests/origin/attacks.js "$root"/tests/lib/*.mjs .
# The pages' port is chosen first: the server is told of the one origin that may call.
STUDIO_PAGES_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export STUDIO_PAGES_PORT STUDIO_SOURCE=$root STUDIO_SERVE_ALLOWED_ORIGINS=http://app.test:$STUDIO_PAGES_PORT
exec python3 "$root/tests/lib/server.py" --model tiny -- node run.mjs
