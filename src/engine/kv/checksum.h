// A checksum of many bytes that costs next to nothing beside copying them: it notices what rots, not what is forged.
//
// Four lanes of 64-bit words, each step a bijection of its lane: bytes that differ in one word never have the same sum.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace studio::engine {

inline uint64_t checksum(std::span<const uint8_t> bytes) {
  constexpr size_t kLanes = 4, kBlock = kLanes * sizeof(uint64_t);
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: its bits look random, and it is odd
  std::array<uint64_t, kLanes> lanes = {1, 2, 3, 4}, words;
  auto mix = [&] {
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] = std::rotl((lanes[lane] ^ words[lane]) * kOdd, 29);
  };
  size_t at = 0;
  for (; at + kBlock <= bytes.size(); at += kBlock) {
    std::memcpy(words.data(), bytes.data() + at, kBlock);
    mix();
  }
  words = {};
  if (at < bytes.size()) std::memcpy(words.data(), bytes.data() + at, bytes.size() - at);
  mix();
  uint64_t sum = bytes.size();
  for (const uint64_t lane : lanes) sum = std::rotl((sum ^ lane) * kOdd, 29);
  return sum;
}

}  // namespace studio::engine
