#include "cli/memory_speed.h"

#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

namespace studio::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kBytes = size_t{512} << 20;  // far more than any cache holds
constexpr size_t kPage = 4096;
constexpr size_t kAhead = 4096;  // bytes that are asked for before they are read
constexpr int kRounds = 5;       // the best counts: the others met someone else

__attribute__((target("avx2"))) uint64_t read_wide(const uint8_t* data, size_t bytes) {
  __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
  for (size_t i = 0; i + 128 <= bytes; i += 128) {
    _mm_prefetch(reinterpret_cast<const char*>(data + i + kAhead), _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(data + i + kAhead + 64), _MM_HINT_T0);
    a = _mm256_xor_si256(a, _mm256_load_si256(reinterpret_cast<const __m256i*>(data + i)));
    b = _mm256_xor_si256(b, _mm256_load_si256(reinterpret_cast<const __m256i*>(data + i + 32)));
    c = _mm256_xor_si256(c, _mm256_load_si256(reinterpret_cast<const __m256i*>(data + i + 64)));
    d = _mm256_xor_si256(d, _mm256_load_si256(reinterpret_cast<const __m256i*>(data + i + 96)));
  }
  a = _mm256_xor_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(c, d));
  return static_cast<uint64_t>(_mm256_extract_epi64(a, 0));
}

uint64_t read_plain(const uint8_t* data, size_t bytes) {
  uint64_t all = 0;
  for (size_t i = 0; i + 8 <= bytes; i += 8) all ^= *reinterpret_cast<const uint64_t*>(data + i);
  return all;
}

// Seconds from the moment all threads stand ready.
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
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

double memory_read_gbs(int threads) {
  struct Free {
    void operator()(uint8_t* memory) const { std::free(memory); }
  };
  std::unique_ptr<uint8_t, Free> memory(static_cast<uint8_t*>(std::aligned_alloc(kPage, kBytes + kPage)));
  if (!memory) return 0;
  // Written once, so that every page is there.
  for (size_t i = 0; i < kBytes + kPage; i += 64) memory.get()[i] = static_cast<uint8_t>(i >> 6);
  const auto read = __builtin_cpu_supports("avx2") ? read_wide : read_plain;
  const size_t share = kBytes / static_cast<size_t>(threads) / kPage * kPage;
  std::atomic<uint64_t> sink{0};  // so that no compiler leaves the reading out
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    double seconds =
        on_threads(threads, [&](int i) { sink += read(memory.get() + share * static_cast<size_t>(i), share); });
    best = std::max(best, static_cast<double>(share) * threads / seconds / 1e9);
  }
  return best;
}

}  // namespace studio::cli
