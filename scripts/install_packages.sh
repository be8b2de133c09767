#!/usr/bin/env bash
# Installs the Debian packages of the groups named in scripts/packages.txt, only those missing.
# Usage: scripts/install_packages.sh build|run|test ...
# Exit codes: 0 all there, 3 something is missing and cannot be installed (it is named).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

wanted=()
for group in "$@"; do
  while read -r name; do wanted+=("$name"); done < <(awk -v g="$group" '$1 == g {print $2}' "$here/packages.txt")
done

# One query for all names: a second run must cost nothing.
installed=" $(dpkg-query -W -f='${db:Status-Status}=${Package} ' "${wanted[@]%%\?*}" 2>/dev/null || true)"
is_installed() { [[ $installed == *" installed=$1 "* ]]; }
missing=()
for entry in "${wanted[@]}"; do
  name=${entry%%\?*}
  if [ "$name" != "$entry" ] && command -v "${entry#*\?}" >/dev/null; then continue; fi
  is_installed "$name" || missing+=("$name")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

if [ "$(id -u)" -eq 0 ]; then as_root=()
elif command -v sudo >/dev/null; then as_root=(sudo)
else
  echo "studio: these packages are missing and neither root nor sudo is at hand: ${missing[*]}" >&2
  exit 3
fi
echo "studio: installing ${#missing[@]} packages: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt_get() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@"; }
apt_get install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1 && exit 0
# The package lists may be old or absent: refresh them once, then let errors be seen.
apt_get update >&2 || { echo "studio: no package list could be fetched; install by hand: ${missing[*]}" >&2; exit 3; }
apt_get install -y --no-install-recommends "${missing[@]}" >&2 || {
  echo "studio: could not install: ${missing[*]}" >&2; exit 3; }
