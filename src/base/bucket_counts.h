// How a quantity was spread: how often it fell into each bucket, and its sum. Plain values, copied across threads and
// wires; base/metrics turns them into what /metrics prints.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace studio {

// `bounds` are the buckets' inclusive upper ends, ascending; the last bucket takes what lies above them all.
template <size_t N>
struct BucketCounts {
  static constexpr size_t kBuckets = N + 1;
  std::array<uint64_t, kBuckets> counts{};
  double sum = 0;

  void add(const std::array<double, N>& bounds, double value) {
    auto bucket = std::lower_bound(bounds.begin(), bounds.end(), value) - bounds.begin();
    ++counts[static_cast<size_t>(bucket)];
    sum += value;
  }
  uint64_t count() const {
    uint64_t total = 0;
    for (uint64_t one : counts) total += one;
    return total;
  }
};

}  // namespace studio
