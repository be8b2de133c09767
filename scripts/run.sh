#!/usr/bin/env bash
# From a clean clone to a served model: packages, build, default model, server. Arguments go to `studio serve`.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
# Runs a step and tells how long it took; a step that had nothing to do says nothing.
step() {
  local name=$1 start=$SECONDS
  "${@:2}"
  [ $((SECONDS - start)) -lt 2 ] || echo "studio: $name took $((SECONDS - start)) s" >&2
}
step install scripts/install_packages.sh build run
step build scripts/build.sh
exec build/release/studio serve "$@"
