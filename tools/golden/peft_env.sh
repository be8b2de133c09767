#!/usr/bin/env bash
# Runs a Python script with PEFT over the PyTorch of the system (Debian's python3-torch), in an environment of its own:
# tools/golden/peft_env.sh SCRIPT [ARGUMENT...]. The versions of tools/requirements/peft.txt are the newest that take it.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
requirements=$root/tools/requirements/peft.txt venv=$root/build/venv/peft
/usr/bin/python3 -c "import torch" 2>/dev/null || { echo "peft_env: needs python3-torch: apt-get install python3-torch" >&2; exit 2; }
if ! cmp -s "$requirements" "$venv/.made_from"; then
  rm -rf "$venv"
  /usr/bin/python3 -m venv --system-site-packages "$venv"
  # Without dependencies: theirs are all listed, and PyTorch is the system's.
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$requirements" >&2
  cp "$requirements" "$venv/.made_from"
fi
exec "$venv/bin/python" "$@"
