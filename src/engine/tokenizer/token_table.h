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
  // Of `texts` by id; some may never be added.
  explicit TokenTable(std::span<const std::string_view> texts)
      : texts_(texts),
        slots_(std::bit_ceil(std::max<size_t>(16, texts.size() + texts.size() / 2))),
        shift_(64 - std::countr_zero(slots_.size())) {}

  // A text that is there already keeps its first id.
  void add(TokenId id) {
    const std::string_view text = texts_[static_cast<size_t>(id)];
    const uint64_t h = hash(text);
    Slot& slot = slots_[find_slot(text, h)];
    if (slot.id < 0) {
      slot = {tag(h), id};
    } else if (!text.empty()) {
      has_twins_ = true;
    }
  }
  // -1 where no token has the text.
  TokenId find(std::string_view text) const { return slots_[find_slot(text, hash(text))].id; }
  // Some text has two ids.
  bool has_twins() const { return has_twins_; }

 private:
  struct Slot {
    uint32_t tag = 0;
    TokenId id = -1;
  };

  static uint64_t load(const char* from, size_t bytes) {
    uint64_t value = 0;
    std::memcpy(&value, from, bytes);
    return value;
  }
  static uint64_t mix(uint64_t a, uint64_t b) {
    const uint64_t product = (a ^ 0x9E3779B97F4A7C15u) * (b | 1);
    return product ^ product >> 32;
  }
  static uint64_t hash(std::string_view text) {
    uint64_t h = text.size() * 0xC2B2AE3D27D4EB4Fu;
    const char* at = text.data();
    size_t left = text.size();
    for (; left > 8; at += 8, left -= 8) h = mix(h ^ load(at, 8), 0xA0761D6478BD642Fu);
    uint64_t rest = 0;
    if (left >= 4) {
      rest = load(at, 4) | load(at + left - 4, 4) << 32;
    } else if (left > 0) {
      rest = load(at, 1) | load(at + left / 2, 1) << 8 | load(at + left - 1, 1) << 16;
    }
    return mix(h ^ rest, 0xA0761D6478BD642Fu) * 0x9E3779B97F4A7C15u;
  }
  static uint32_t tag(uint64_t hash) { return static_cast<uint32_t>(hash); }

  size_t find_slot(std::string_view text, uint64_t h) const {
    const size_t mask = slots_.size() - 1;
    for (size_t at = static_cast<size_t>(h >> shift_);; at = (at + 1) & mask) {
      const Slot& slot = slots_[at];
      if (slot.id < 0 || (slot.tag == tag(h) && texts_[static_cast<size_t>(slot.id)] == text)) return at;
    }
  }

  std::span<const std::string_view> texts_;
  std::vector<Slot> slots_;  // open addressing, a power of two, at most two thirds full
  int shift_;                // 64 - log2 of their number
  bool has_twins_ = false;
};

}  // namespace studio::engine
