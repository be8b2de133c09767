// What this machine can do at this minute: the roofs that engine figures are a share of.
//
// Prints one JSON object: stream_gbs (memory read by all threads), dot_tops (int8 multiply-adds x 2 by all threads, the
// fastest dot product the CPU has), barrier_ns (two threads meeting through one flag). Virtual machines move between
// hosts' sockets, so these belong beside every figure, measured just before and after it.
// Usage: machine_bench [THREADS]
#include <immintrin.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "cli/memory_speed.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <typename Work>
double on_threads(int threads, Work work) {
  std::atomic<int> waiting{threads};
  std::vector<std::thread> pool;
  Clock::time_point start;
  for (int i = 0; i < threads; ++i) {
    pool.emplace_back([&, i] {
      if (waiting.fetch_sub(1) == 1) start = Clock::now();
      while (waiting.load() > 0) {
      }
      work(i);
    });
  }
  for (auto& thread : pool) thread.join();
  return seconds_since(start);
}

constexpr int kDotRounds = 40'000'000;

__attribute__((target("avx512f,avx512vnni"))) int dots_vnni(int rounds) {
  __m512i a0 = _mm512_setzero_si512(), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
  __m512i x = _mm512_set1_epi32(0x01020304), y = _mm512_set1_epi32(0x01010101);
  for (int i = 0; i < rounds; ++i) {
    a0 = _mm512_dpbusd_epi32(a0, x, y);
    a1 = _mm512_dpbusd_epi32(a1, x, y);
    a2 = _mm512_dpbusd_epi32(a2, x, y);
    a3 = _mm512_dpbusd_epi32(a3, x, y);
    a4 = _mm512_dpbusd_epi32(a4, x, y);
    a5 = _mm512_dpbusd_epi32(a5, x, y);
    a6 = _mm512_dpbusd_epi32(a6, x, y);
    a7 = _mm512_dpbusd_epi32(a7, x, y);
    asm volatile("" : "+v"(x), "+v"(y));
  }
  a0 = _mm512_add_epi32(_mm512_add_epi32(_mm512_add_epi32(a0, a1), _mm512_add_epi32(a2, a3)),
                        _mm512_add_epi32(_mm512_add_epi32(a4, a5), _mm512_add_epi32(a6, a7)));
  return _mm512_reduce_add_epi32(a0);
}

double dot_tops(int threads) {
  if (!__builtin_cpu_supports("avx512vnni")) return 0;
  std::atomic<int> sink{0};
  double best = 0;
  for (int round = 0; round < 3; ++round) {
    const double time = on_threads(threads, [&](int) { sink += dots_vnni(kDotRounds / 8); });
    best = std::max(best, threads * (kDotRounds / 8.0) * 8 * 128 / time / 1e12);  // 64 multiply-adds = 128 operations
  }
  return best;
}

double barrier_ns() {
  constexpr int kRounds = 200'000;
  std::atomic<int> turn{0};
  const double time = on_threads(2, [&](int i) {
    for (int round = 0; round < kRounds; ++round) {
      while (turn.load(std::memory_order_acquire) != 2 * round + i) {
      }
      turn.store(2 * round + i + 1, std::memory_order_release);
    }
  });
  return time / (2.0 * kRounds) * 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  std::printf("{\"threads\": %d, \"stream_gbs\": %.1f, \"dot_tops\": %.2f, \"barrier_ns\": %.0f}\n", threads,
              studio::cli::memory_read_gbs(threads), dot_tops(threads), barrier_ns());
  return 0;
}
