#!/usr/bin/env bash
# Builds the peer that engine benchmarks and the accuracy gate compare with: llama.cpp, from the full source that the
# pinned npm package node-llama-cpp carries as a git bundle.
# Usage: bench/peers/build_llama_cpp.sh [--server] clang|gcc [DIR]     (DIR defaults to build/peers)
# Leaves DIR/llama.cpp-COMPILER/bin/{llama-bench,llama-batched-bench,llama_logits,llama_parts}, with --server llama-server too.
# Quick when already there.
set -euo pipefail
targets=(llama-bench llama-batched-bench)
[ "${1:-}" != --server ] || { targets+=(llama-server); shift; }
compiler=${1:?clang or gcc}
root=$(cd "$(dirname "$0")/../.." && pwd)
peers=${2:-$root/build/peers}
cache=${STUDIO_CACHE:-$HOME/.cache/studio}/npm
package=node-llama-cpp version=3.22.1

case $compiler in
  clang) cc=clang-19 cxx=clang++-19 openmp=() ;;  # Debian's clang has no OpenMP run time: ggml's own threads
  gcc) cc=gcc cxx=g++ openmp=(-fopenmp) ;;
  *) echo "compiler must be clang or gcc, not $compiler" >&2; exit 2 ;;
esac
out=$peers/llama.cpp-$compiler
programs=(llama_logits llama_parts)  # ours, on its library
digest=$(cat "$root"/bench/peers/llama_*.cc "$root/bench/parts_protocol.h" | sha256sum)
are_there() {
  for name in "${targets[@]}" "${programs[@]}"; do [ -x "$out/bin/$name" ] || return 1; done
  [ "$digest" = "$(cat "$out/programs.digest" 2>/dev/null)" ]
}
! are_there || exit 0

mkdir -p "$cache" "$peers"
tarball=$cache/$package-$version.tgz
[ -s "$tarball" ] || (cd "$cache" && npm pack --silent "$package@$version" >/dev/null)
source=$peers/llama.cpp
if [ ! -f "$source/CMakeLists.txt" ]; then
  tar -xzf "$tarball" -C "$peers" package/llama/gitRelease.bundle
  git -c advice.detachedHead=false clone -q "$peers/package/llama/gitRelease.bundle" "$source"
  rm -rf "$peers/package"
fi
cmake -S "$source" -B "$out" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=$cc -DCMAKE_CXX_COMPILER=$cxx \
  -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DGGML_NATIVE=ON -DBUILD_SHARED_LIBS=OFF \
  -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF >"$out.configure.log" 2>&1
nice cmake --build "$out" --target "${targets[@]}" -j2 >"$out.build.log" 2>&1 ||
  { tail -20 "$out.build.log" >&2; exit 1; }
libraries=("$out"/src/libllama.a "$out"/ggml/src/*.a)
for name in "${programs[@]}"; do
  "$cxx" -O2 -std=c++17 -I"$source/include" -I"$source/ggml/include" -I"$root/bench" "$root/bench/peers/$name.cc" -o "$out/bin/$name" \
    -Wl,--start-group "${libraries[@]}" -Wl,--end-group "${openmp[@]}" -lpthread -ldl
done
echo "$digest" >"$out/programs.digest"
