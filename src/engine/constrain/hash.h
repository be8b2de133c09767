// One step of a hash over words: multiply and fold, good enough for tables whose keys are compared anyway.
#pragma once

#include <cstdint>

namespace studio::engine::constrain {

inline uint64_t mix(uint64_t hash, uint64_t word) {
  const auto product = static_cast<unsigned __int128>(hash ^ word) * 0x9E3779B97F4A7C15ull;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64) ^ (word << 7);
}

}  // namespace studio::engine::constrain
