// Byte-pair merging: bytes of one piece to token ids, the lowest-ranked pair first, the leftmost among equals.
//
// Short pieces are merged by looking for the best pair each time; long ones go through them rank by rank, so that four
// megabytes of one letter cost four times as much as one. Source: Sennrich et al., 2016; the order of merges is that of
// the HF `tokenizers` library. Immutable once built: any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/tensor/token.h"

namespace studio::engine {

class MergeTable {
 public:
  // Ranks rise with each call; a pair that is there already keeps its first rank.
  void add(TokenId left, TokenId right, TokenId merged);
  void reserve(size_t merges);
  // That this pair will be added soon; some are reserved.
  void prefetch(TokenId left, TokenId right) const { __builtin_prefetch(&slots_[first_slot(left, right)]); }
  void set_byte(uint8_t byte, TokenId id) { bytes_[byte] = id; }

  // Appends the ids of one piece. A byte without a token is left out, as the reference library does.
  void encode(std::string_view piece, std::vector<TokenId>& ids) const;

 private:
  static constexpr std::array<TokenId, 256> no_tokens() {
    std::array<TokenId, 256> none{};
    none.fill(-1);
    return none;
  }

  struct Merge {
    TokenId left = -1, right = -1;  // -1: an empty slot
    uint32_t rank = 0;
    TokenId merged = -1;
  };

  const Merge* find(TokenId left, TokenId right) const;
  size_t first_slot(TokenId left, TokenId right) const {
    const uint64_t key = static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
    return static_cast<size_t>(key * 0x9E3779B97F4A7C15u >> shift_);
  }
  size_t slot(TokenId left, TokenId right) const;
  void resize(size_t slots);
  void encode_short(std::vector<TokenId>& symbols) const;
  void encode_long(std::vector<TokenId>& cells) const;

  std::vector<Merge> slots_;  // open addressing, a power of two, at most two thirds full
  int shift_ = 0;             // 64 - log2 of their number
  uint32_t count_ = 0;
  std::array<TokenId, 256> bytes_ = no_tokens();
};

}  // namespace studio::engine
