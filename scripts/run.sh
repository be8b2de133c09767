#!/usr/bin/env bash
# From a clean clone to a served model: packages, build, default model, server. Arguments go to `studio serve`.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
scripts/install_packages.sh build run
scripts/build.sh
exec build/release/studio serve "$@"
