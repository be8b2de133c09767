#!/usr/bin/env bash
# clang-tidy over the sources (.clang-tidy holds the checks). Usage: tests/lint/run.sh [FILE...]
# A file is checked again only when its preprocessed text or the checks changed: results are kept by digest in the cache.
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${STUDIO_BUILD:-build/release}
cache=${STUDIO_CACHE:-$HOME/.cache/studio}/tidy
mkdir -p "$cache"
checks=$(cat .clang-tidy | sha256sum | cut -c1-16)
mapfile -t files < <(if [ "$#" -gt 0 ]; then printf '%s\n' "$@"; else git ls-files 'src/*.cc' | grep -v -E '_(test|fuzz|bench)\.cc$'; fi)

tidy_one() {
  local file=$1 build=$2 cache=$3 checks=$4 key
  # The key covers the file and every header of ours it can see.
  key=$checks-$( (cat "$file"; clang++-19 -std=c++20 -Isrc -MM "$file" 2>/dev/null | tr ' \\' '\n\n' | grep '^src/' | sort -u | xargs cat) | sha256sum | cut -c1-32)
  [ ! -e "$cache/$key" ] || { echo "ok $file"; return; }
  local out
  if out=$(clang-tidy-19 -p "$build" --quiet --warnings-as-errors='*' "$file" 2>/dev/null); then
    touch "$cache/$key"
    echo "ok $file"
  else
    echo "FAILED $file"
    grep -E 'warning:|error:' <<<"$out" | sort -u | head -n 10
  fi
}
export -f tidy_one
out=$(printf '%s\n' "${files[@]}" | xargs -P 2 -I{} bash -c "tidy_one {} $build $cache $checks")
grep -v '^ok' <<<"$out"
failed=$(grep -c '^FAILED' <<<"$out")
passed=$(grep -c '^ok' <<<"$out")
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
