#!/usr/bin/env bash
# In a folder with package.json and package-lock.json: installs exactly what the lock pins, with the pinned npm, unless that is
# there already. Packages' own scripts do not run. Prints the folder of the pinned node, for PATH.
set -euo pipefail
bin=$("$(dirname "$0")/node.sh")
wanted=$(echo "$bin" | cat - package-lock.json | sha256sum)
if [ "$(cat node_modules/installed 2>/dev/null)" != "$wanted" ]; then
  PATH=$bin:$PATH npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  echo "$wanted" >node_modules/installed
fi
echo "$bin"
