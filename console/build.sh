#!/usr/bin/env bash
# Builds the console into build/console/dist, from where cmake/console.cmake embeds it. Does nothing while console/ is as
# it was. Without the npm registry it says so and ends well: the program then carries a page that tells how to make up for it.
# Usage: console/build.sh [--now]    --now tries again at once after a failure, which otherwise waits an hour
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$root/build/console
retry_after_minutes=60  # a machine without a registry should not wait for one at each start

mkdir -p "$work"
exec 9>"$work/.lock"
flock 9

# The digest of every source and of what builds them.
sources() {
  cd "$root"
  find console tools/node.sh tools/npm_ci.sh -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -name '*.md' \
    -not -name '*.test.ts' -print0 | sort -z | xargs -0 sha256sum
}
wanted=$(sources | sha256sum)
if [ -f "$work/dist/index.html" ] && [ "$(cat "$work/built_from" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
if [ "${1:-}" != --now ] && [ "$(cat "$work/failed_from" 2>/dev/null)" = "$wanted" ] &&
  [ -n "$(find "$work/failed_from" -mmin -$retry_after_minutes)" ]; then exit 0; fi

build() {
  mkdir -p "$work/source"
  cd "$work/source"
  # A copy, so that node_modules lies in build/ and the tree stays clean.
  find . -mindepth 1 -maxdepth 1 -not -name node_modules -exec rm -rf {} +
  cp -r "$root/console/." .
  rm -rf dist
  PATH=$("$root/tools/npm_ci.sh"):$PATH
  node node_modules/typescript/bin/tsc --noEmit
  node node_modules/vite/bin/vite.js build --logLevel warn
  node scripts/compress.mjs dist
  rm -rf "$work/dist.old"
  [ ! -d "$work/dist" ] || mv "$work/dist" "$work/dist.old"
  mv dist "$work/dist"
  rm -rf "$work/dist.old"
}

# Short waits: a registry that does not answer must not hold up a build that can do without.
export npm_config_fetch_retries=1 npm_config_fetch_retry_mintimeout=500 npm_config_fetch_timeout=30000
# Not as a condition of `if`, where the first failure would not end it.
set +e
(set -e; build) >"$work/build.log" 2>&1
status=$?
set -e
if [ $status -eq 0 ]; then
  echo "$wanted" >"$work/built_from"
  rm -f "$work/failed_from"
else
  echo "$wanted" >"$work/failed_from"
  tail -n 20 "$work/build.log" >&2
  echo "studio: the console was not built (all of it is in $work/build.log); the rest works without." >&2
  echo "studio: console/build.sh --now tries again." >&2
  [ -z "${STUDIO_CONSOLE_REQUIRED:-}" ] || exit 1
fi
