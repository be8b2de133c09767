// A set of byte values, and how sets are written.
#pragma once

#include <bitset>
#include <cstdint>
#include <string_view>

namespace studio::engine::constrain {

using ByteSet = std::bitset<256>;

inline ByteSet byte_range(uint8_t first, uint8_t last) {
  ByteSet set;
  for (int byte = first; byte <= last; ++byte) set.set(static_cast<size_t>(byte));
  return set;
}

inline ByteSet bytes_of(std::string_view text) {
  ByteSet set;
  for (const char c : text) set.set(static_cast<uint8_t>(c));
  return set;
}

}  // namespace studio::engine::constrain
