// The bytes of a prefix file: docs/formats/prefix_file.md. Little-endian, as all machines of the numerics class are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/kv/checksum.h"
#include "engine/kv/prefix_file.h"

namespace studio::engine::prefix_layout {

inline constexpr std::string_view kMagic = "STUDIOKV";
inline constexpr uint32_t kVersion = 1;
inline constexpr size_t kFilePage = 4096;  // the smallest page of x86-64
inline constexpr size_t kLine = 64;

// At the file's beginning. Fields are never reused.
struct FileHeader {
  std::array<char, 8> magic{};
  uint32_t version = 0;
  uint32_t head_bytes = 0;
  uint64_t page_bytes = 0;
  uint64_t slots = 0;
  uint64_t file_bytes = 0;
  PrefixAddress identity{};
  uint64_t check = 0;  // of all before it
};
static_assert(sizeof(FileHeader) == 80);

// One for each slot, from kFilePage on. Fields are never reused.
struct Head {
  PrefixAddress address{}, before{};
  std::array<TokenId, kPageTokens> tokens{};
  uint64_t salt = 0;
  int32_t depth = 0;
  int32_t none = 0;
  uint64_t content = 0;  // checksum of the page
  uint64_t check = 0;    // of all before it
  uint64_t used = 0;     // any value will do
  std::array<uint64_t, 3> zero{};
};
static_assert(sizeof(Head) == 3 * kLine && kPageTokens == 16);

template <typename T>
uint64_t check_of(const T& value) {
  return checksum({reinterpret_cast<const uint8_t*>(&value), offsetof(T, check)});
}

constexpr size_t round_up(size_t bytes, size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}
// Where the first slot's page lies, and how far apart they are.
constexpr size_t pages_at(size_t slots) {
  return kFilePage + round_up(slots * sizeof(Head), kFilePage);
}
constexpr size_t page_stride(size_t page_bytes) {
  return round_up(page_bytes, kLine);
}
constexpr size_t file_bytes(size_t slots, size_t page_bytes) {
  return pages_at(slots) + slots * page_stride(page_bytes);
}

}  // namespace studio::engine::prefix_layout
