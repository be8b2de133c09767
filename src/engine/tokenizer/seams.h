// Seams: places between two characters that no token of the vocabulary lies across, so that merging the text on both
// sides apart gives the ids of merging it as one.
//
// A run of Chinese is one piece to the splitter however long it is; at its seams it falls into words that are short
// and come again. Soundness: a merge across a place makes a token that holds the bytes on both sides of it. The tables
// know every pair of characters inside of a token, and where a token holds a part of a character only, the bytes
// beside the place. They may name more pairs than there are (it is a filter by hash), never fewer. Two ASCII characters
// are never asked about. Seams is a view of tables that a SeamFiller filled (vocabulary_tables.h owns them): any
// thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/tokenizer/unicode_classes.h"

namespace studio::engine {

namespace seam_bits {

// Qwen's 23,193 pairs fill 4 % of it, so that 4 of 100 seams are not seen; 64 KiB.
inline constexpr int kPairBitsLog2 = 19;
inline constexpr size_t kPairWords = (size_t{1} << kPairBitsLog2) / 64, kByteWords = 256 * 256 / 64;

inline size_t of_pair(uint32_t left, uint32_t right) {
  return (left * 0x9E3779B1u + right * 0x85EBCA6Bu) >> (32 - kPairBitsLog2);
}
inline size_t of_bytes(uint8_t left, uint8_t right) {
  return static_cast<size_t>(left) << 8 | right;
}
inline bool has(std::span<const uint64_t> bits, size_t at) {
  return (bits[at / 64] >> at % 64 & 1) != 0;
}

}  // namespace seam_bits

class Seams {
 public:
  Seams() = default;
  // pairs [kPairWords] of characters, by hash; bytes [kByteWords] = [256][256] last byte before, first byte after.
  Seams(std::span<const uint64_t> pairs, std::span<const uint64_t> bytes) : pairs_(pairs), bytes_(bytes) {}

  // Between `left`, which ends with the byte before `text`, and `right`, which starts there; both whole characters.
  bool between(uint32_t left, const char* text, uint32_t right) const {
    const size_t bytes = seam_bits::of_bytes(static_cast<uint8_t>(text[-1]), static_cast<uint8_t>(text[0]));
    return !(seam_bits::has(pairs_, seam_bits::of_pair(left, right)) || seam_bits::has(bytes_, bytes));
  }

 private:
  std::span<const uint64_t> pairs_, bytes_;
};

class SeamFiller {
 public:
  // Empties the tables, which are those of Seams.
  SeamFiller(std::span<uint64_t> pairs, std::span<uint64_t> bytes);

  void add_token(std::string_view bytes);
  // A byte that has no token is left out of the ids, and what stands around it may merge.
  void add_missing_byte(uint8_t byte);
  // No place is a seam.
  void close_all();

 private:
  static void set(std::span<uint64_t> bits, size_t at) { bits[at / 64] |= uint64_t{1} << at % 64; }

  std::span<uint64_t> pairs_, bytes_;
};

}  // namespace studio::engine
