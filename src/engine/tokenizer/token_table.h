// Tokens by their text, for as long as a vocabulary is built.
//
// Not thread-safe while it fills; the texts are the caller's.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "engine/tensor/token.h"

namespace studio::engine {

class TokenTable {
 public:
  // The text itself up to 7 bytes, as most parts of merges are; of longer ones a hash. Never ~0.
  static uint64_t key_of(std::string_view text) {
    const size_t n = text.size();
    const char* const at = text.data();
    if (n > kWholeBytes) return hash(text);
    uint64_t bytes = 0;
    if (n >= 4) {
      bytes = load<uint32_t>(at) | load<uint32_t>(at + n - 4) << 8 * (n - 4);
    } else if (n > 0) {
      bytes = load<uint8_t>(at) | load<uint8_t>(at + n / 2) << 8 * (n / 2) | load<uint8_t>(at + n - 1) << 8 * (n - 1);
    }
    return bytes | static_cast<uint64_t>(n) << 56;
  }

  // Of `texts` by id; some may never be added.
  explicit TokenTable(std::span<const std::string_view> texts)
      : texts_(texts),
        keys_(std::bit_ceil(std::max<size_t>(16, texts.size() + texts.size() / 2)), kEmpty),
        ids_(keys_.size(), -1),
        shift_(64 - std::countr_zero(keys_.size())) {}

  // That a text of this key will be added or looked for soon.
  void prefetch(uint64_t key) const {
    __builtin_prefetch(&keys_[first_slot(key)]);
    __builtin_prefetch(&ids_[first_slot(key)]);
  }
  // A text that is there already keeps its first id. `key` is that of the text.
  void add(TokenId id, uint64_t key) {
    const std::string_view text = texts_[static_cast<size_t>(id)];
    const size_t slot = find_slot(text, key);
    if (keys_[slot] == kEmpty) {
      keys_[slot] = key;
      ids_[slot] = id;
    } else if (!text.empty()) {
      has_twins_ = true;
    }
  }
  // -1 where no token has the text.
  TokenId find(std::string_view text, uint64_t key) const { return ids_[find_slot(text, key)]; }
  TokenId find(std::string_view text) const { return find(text, key_of(text)); }
  // Some text has two ids.
  bool has_twins() const { return has_twins_; }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0}, kIsHash = uint64_t{1} << 63;
  static constexpr size_t kWholeBytes = 7;

  template <typename T>
  static uint64_t load(const char* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }
  static uint64_t hash(std::string_view text) {  // of 8 bytes or more
    const char* const end = text.data() + text.size();
    uint64_t h = text.size();
    const auto mix = [&h](uint64_t bytes) {
      h = (h ^ bytes) * 0xA0761D6478BD642Fu;
      h ^= h >> 32;
    };
    for (const char* at = text.data(); end - at > 8; at += 8) mix(load<uint64_t>(at));
    mix(load<uint64_t>(end - 8));
    return (h | kIsHash) & ~uint64_t{1};
  }

  size_t first_slot(uint64_t key) const { return static_cast<size_t>(key * 0x9E3779B97F4A7C15u >> shift_); }
  size_t find_slot(std::string_view text, uint64_t key) const {
    const size_t mask = keys_.size() - 1;
    for (size_t at = first_slot(key);; at = (at + 1) & mask) {
      if (keys_[at] == kEmpty) return at;
      if (keys_[at] != key) continue;
      if ((key & kIsHash) == 0 || texts_[static_cast<size_t>(ids_[at])] == text) return at;
    }
  }

  std::span<const std::string_view> texts_;
  std::vector<uint64_t> keys_;  // open addressing, a power of two, at most two thirds full
  std::vector<TokenId> ids_;    // [keys_]
  int shift_;                   // 64 - log2 of their number
  bool has_twins_ = false;
};

}  // namespace studio::engine
