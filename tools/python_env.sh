#!/usr/bin/env bash
# Makes build/venv/NAME from tools/requirements/NAME.txt and prints its folder: tools/python_env.sh NAME
# Does nothing when the environment already holds exactly that file; a half-made one is never left in place.
set -euo pipefail
name=${1:?usage: tools/python_env.sh NAME}
root=$(cd "$(dirname "$0")/.." && pwd)
requirements=$root/tools/requirements/$name.txt
venv=$root/build/venv/$name
[ -f "$requirements" ] || { echo "python_env: no $requirements" >&2; exit 2; }
mkdir -p "$root/build/venv"
exec 9>"$root/build/venv/.$name.lock"
flock 9
if ! cmp -s "$requirements" "$venv/.made_from"; then
  rm -rf "$venv"
  "${PYTHON:-python3}" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
  cp "$requirements" "$venv/.made_from"
fi
echo "$venv"
