// Philox4x32-10, a counter-based random generator: the same (counter, key) gives the same four words everywhere.
//
// Sampling by counter makes a generation resumable: the number drawn at a position depends on the seed and the position
// alone, not on what was drawn before.
// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC11), section 3.3; test vectors of Random123.
#pragma once

#include <array>
#include <cstdint>

namespace studio::engine {

using PhiloxBlock = std::array<uint32_t, 4>;

constexpr PhiloxBlock philox4x32(PhiloxBlock counter, std::array<uint32_t, 2> key) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;  // the paper's round constants
  constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;              // golden ratio, sqrt(3) - 1
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = kMultiplier0 * counter[0];
    const uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(product0)};
    key = {key[0] + kWeyl0, key[1] + kWeyl1};
  }
  return counter;
}

// 64 random bits for one position of one choice. Counter: (position, stream, draw); key: seed. `draw`: 0 for a
// position's first draw, 1 for the one behind a token that was refused.
constexpr uint64_t random_bits(uint64_t seed, uint32_t stream, uint64_t position, uint32_t draw = 0) {
  const PhiloxBlock words =
      philox4x32({static_cast<uint32_t>(position), static_cast<uint32_t>(position >> 32), stream, draw},
                 {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  return static_cast<uint64_t>(words[1]) << 32 | words[0];
}

}  // namespace studio::engine
