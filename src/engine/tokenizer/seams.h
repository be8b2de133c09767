// Seams: places between two characters that no token of the vocabulary lies across, so that merging the text on both
// sides apart gives the ids of merging it as one.
//
// A run of Chinese is one piece to the splitter however long it is; at its seams it falls into words that are short
// and come again. Soundness: a merge across a place makes a token that holds the bytes on both sides of it. The table
// knows every pair of characters inside of a token, and where a token holds a part of a character only, the bytes
// beside the place. It may name more pairs than there are (it is a filter by hash), never fewer. Two ASCII characters
// are never asked about. Immutable once built: any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/tokenizer/unicode_classes.h"

namespace studio::engine {

class Seams {
 public:
  Seams() : pairs_(kPairBits / 64), bytes_(256 * 256 / 64) {}

  void add_token(std::string_view bytes);
  // A byte that has no token is left out of the ids, and what stands around it may merge.
  void add_missing_byte(uint8_t byte);
  // No place is a seam.
  void close_all();

  // Between `left`, which ends with the byte before `text`, and `right`, which starts there; both whole characters.
  bool between(uint32_t left, const char* text, uint32_t right) const {
    const size_t bytes = bytes_bit(static_cast<uint8_t>(text[-1]), static_cast<uint8_t>(text[0]));
    return !(has(pairs_, pair_bit(left, right)) || has(bytes_, bytes));
  }

 private:
  using Bits = std::vector<uint64_t>;
  // Qwen's 23,193 pairs fill 4 % of it, so that 4 of 100 seams are not seen; 64 KiB.
  static constexpr int kPairBitsLog2 = 19;
  static constexpr size_t kPairBits = size_t{1} << kPairBitsLog2;

  static bool has(const Bits& bits, size_t at) { return (bits[at / 64] >> at % 64 & 1) != 0; }
  static void set(Bits& bits, size_t at) { bits[at / 64] |= uint64_t{1} << at % 64; }
  static size_t pair_bit(uint32_t left, uint32_t right) {
    return (left * 0x9E3779B1u + right * 0x85EBCA6Bu) >> (32 - kPairBitsLog2);
  }
  static size_t bytes_bit(uint8_t left, uint8_t right) { return static_cast<size_t>(left) << 8 | right; }

  Bits pairs_;  // of characters, by hash
  Bits bytes_;  // [256][256] last byte before, first byte after
};

}  // namespace studio::engine
