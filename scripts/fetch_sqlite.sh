#!/usr/bin/env bash
# Puts SQLite's amalgamation (sqlite3.c, sqlite3.h) into DEST, from the pinned npm package that carries it.
# Debian's own SQLite is older than 3.51.3, the first release without the write-ahead-log reset bug.
# Usage: scripts/fetch_sqlite.sh DEST    Downloads once into ${STUDIO_CACHE:-~/.cache/studio}/npm; then needs no network.
set -euo pipefail
dest=${1:?usage: scripts/fetch_sqlite.sh DEST}
package=better-sqlite3 version=12.11.1  # SQLite 3.53.2
tarball_sha256=ebf0ed75a7a59dbcb3b24bbd014ef49d9f15bc328e4adcbf516f2a8fadfa2835
source_sha256=60d2f39a3726cd6b9021da6f4e868608d66fbb6528a9f513dc8ffcc640493422

is_sha256() { echo "$2  $1" | sha256sum --check --status 2>/dev/null; }
[ ! -s "$dest/sqlite3.h" ] || ! is_sha256 "$dest/sqlite3.c" $source_sha256 || exit 0

cache=${STUDIO_CACHE:-$HOME/.cache/studio}/npm
tarball=$cache/$package-$version.tgz
mkdir -p "$cache" "$dest"
# Several builds may fetch at once: each works in a folder of its own and renames.
work=$(mktemp -d "$cache/sqlite.XXXXXX")
trap 'rm -rf "$work"' EXIT
if ! is_sha256 "$tarball" $tarball_sha256; then
  (cd "$work" && npm pack --loglevel=error "$package@$version" >npm.log 2>&1) || {
    echo "cannot fetch npm package $package@$version, and $tarball is not there:" >&2
    tail -n 5 "$work/npm.log" >&2
    exit 1
  }
  is_sha256 "$work/$package-$version.tgz" $tarball_sha256 || {
    echo "npm package $package@$version has another SHA-256 than the one pinned in $0" >&2
    exit 1
  }
  mv "$work/$package-$version.tgz" "$tarball"
fi
tar -xzf "$tarball" -C "$work" --strip-components=3 package/deps/sqlite3/sqlite3.c package/deps/sqlite3/sqlite3.h
is_sha256 "$work/sqlite3.c" $source_sha256 || { echo "sqlite3.c is not the one pinned in $0" >&2; exit 1; }
mv "$work/sqlite3.h" "$work/sqlite3.c" "$dest/"
