#!/usr/bin/env bash
# From nothing: a fresh Debian 12 root with only git, make and ca-certificates, a clean clone, `make run`, and the
# curl line it prints, pasted. Then a second `make run`, and one with the registries cut off.
# Needs root, debootstrap and a registry for Debian packages. Usage: tests/fresh_root/show.sh [KEEP_DIR] [make-test]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
[ "$(id -u)" -eq 0 ] || { echo "needs root; 0 passed, 0 failed, 1 skipped"; exit 0; }
command -v debootstrap >/dev/null || apt-get install -y -qq debootstrap >/dev/null
chroot_dir=${1:-$(mktemp -d /var/tmp/studio-root.XXXXXX)}
passed=0 failed=0
check() { if [ "$1" = 0 ]; then passed=$((passed + 1)); echo "ok      $2"; else failed=$((failed + 1)); echo "FAILED  $2"; fi; }
now_ms() { date +%s%3N; }
seconds() { awk -v ms=$(($(now_ms) - $1)) 'BEGIN { printf "%.1f s", ms / 1000 }'; }

cleanup() {
  [ -z "${server_pid:-}" ] || kill "$server_pid" 2>/dev/null || true
  for place in dev proc sys; do umount -l "$chroot_dir/$place" 2>/dev/null || true; done
}
trap cleanup EXIT

start=$(now_ms)
if [ ! -e "$chroot_dir/usr/bin/git" ]; then
  debootstrap --variant=minbase --include=git,make,ca-certificates bookworm "$chroot_dir" >/dev/null
fi
# The network as this machine sees it: its name servers, package sources and the authorities it trusts.
cp /etc/resolv.conf "$chroot_dir/etc/resolv.conf"
cp -r /etc/apt/sources.list* "$chroot_dir/etc/apt/" 2>/dev/null || true
mkdir -p "$chroot_dir/usr/local/share/ca-certificates"
cp /usr/local/share/ca-certificates/*.crt "$chroot_dir/usr/local/share/ca-certificates/" 2>/dev/null || true
for place in dev proc sys; do mountpoint -q "$chroot_dir/$place" || mount --bind "/$place" "$chroot_dir/$place"; done
inside() {
  chroot "$chroot_dir" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt bash -c "$1"
}
inside "update-ca-certificates >/dev/null 2>&1 || true"
rm -rf "$chroot_dir/root/studio"
git clone -q "$root" "$chroot_dir/root/studio"
echo "fresh root and clean clone: $(seconds "$start")"

# Starts `make run` inside, waits for the curl line it prints, and runs that line as it stands.
run_once() {
  local label=$1 prefix=$2 limit_s=$3 begin log
  log=$chroot_dir/root/run.log
  begin=$(now_ms)
  : >"$log"
  inside "cd /root/studio && $prefix make run" >"$log" 2>&1 &
  server_pid=$!
  while ! grep -q 'curl ' "$log" && kill -0 "$server_pid" 2>/dev/null && [ $(($(now_ms) - begin)) -lt $((limit_s * 1000)) ]; do sleep 0.1; done
  echo "--- $label: ready after $(seconds "$begin")"
  sed 's/^/    /' "$log" | tail -n 25
  local line answer
  line=$(awk '/curl /{on=1} on{print} on && !/\\$/{exit}' "$log")
  answer=$(inside "command -v curl >/dev/null || apt-get install -y -qq curl >/dev/null; $line" 2>/dev/null || true)
  echo "    answer after $(seconds "$begin"): ${answer:0:300}"
  grep -q '"content"' <<<"$answer"; check $? "$label: the pasted curl line answers"
  last_s=$(( ($(now_ms) - begin) / 1000 ))
  # The server is ended by its own process id, found from the one we started.
  pkill -TERM -P "$server_pid" 2>/dev/null || true
  kill "$server_pid" 2>/dev/null || true
  inside "for p in /proc/[0-9]*; do [ \"\$(readlink \$p/root)\" = / ] && [ \"\$(readlink \$p/exe)\" = /root/studio/build/release/studio ] && kill \${p#/proc/}; done; true" || true
  wait "$server_pid" 2>/dev/null || true
  server_pid=
}

run_once "first make run" "" 3600
run_once "second make run" "" 60
[ "$last_s" -lt 5 ]; check $? "second make run answers in under 5 s (${last_s} s)"
rm -rf "$chroot_dir"/root/.local/share/studio "$chroot_dir"/root/.cache/studio
# Without a name server no registry and no hub can be found.
echo "nameserver 127.0.0.1" >"$chroot_dir/etc/resolv.conf"
run_once "make run with the registries cut off" "" 120
cp /etc/resolv.conf "$chroot_dir/etc/resolv.conf"

if [ "${2:-}" = make-test ]; then
  begin=$(now_ms)
  inside "cd /root/studio && make test" >"$chroot_dir/root/test.log" 2>&1
  check $? "make test from the clean clone ($(seconds "$begin"))"
  tail -n 30 "$chroot_dir/root/test.log"
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
