#include "cli/memory_speed.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

namespace studio::cli {
namespace {

constexpr size_t kBytesPerThread = size_t{128} << 20;  // beyond any core's share of a cache
constexpr int kRounds = 4;                             // the best counts: the others met someone else

uint64_t sum_of(const uint64_t* words, size_t count) {
  // Eight sums, so that additions wait for memory and not for one another.
  uint64_t sums[8] = {};
  for (size_t i = 0; i < count; i += 8) {
    for (size_t k = 0; k < 8; ++k) sums[k] += words[i + k];
  }
  uint64_t sum = 0;
  for (uint64_t each : sums) sum += each;
  return sum;
}

}  // namespace

double memory_read_gbs(int threads) {
  using std::chrono::steady_clock;
  size_t count = kBytesPerThread / sizeof(uint64_t);
  std::vector<std::vector<uint64_t>> memory(static_cast<size_t>(threads));
  for (auto& words : memory) words.assign(count, 1);
  std::atomic<uint64_t> total{0};
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    auto start = steady_clock::now();
    std::vector<std::thread> readers;
    for (const auto& words : memory) readers.emplace_back([&] { total += sum_of(words.data(), count); });
    for (std::thread& reader : readers) reader.join();
    double seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
    best = std::max(best, static_cast<double>(kBytesPerThread) * threads / seconds / 1e9);
  }
  // Read, so that no compiler leaves the sums out.
  bool is_sound = total == static_cast<uint64_t>(kRounds) * static_cast<uint64_t>(threads) * count;
  return is_sound ? best : 0;
}

}  // namespace studio::cli
