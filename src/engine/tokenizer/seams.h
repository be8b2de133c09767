// Seams: places between two characters that no token of the vocabulary lies across, so that merging the text on both
// sides apart gives the ids of merging it as one.
//
// A run of Chinese is one piece to the splitter however long it is; at its seams it falls into words that are short
// and come again. Soundness: a merge across a place makes a token that holds the bytes on both sides of it. The tables
// know every pair of characters inside of a token, and where a token holds a part of a character only, the bytes
// beside the place, and of Chinese the whole character on the other side. They may name more pairs than there are (it
// is a filter by hash), never fewer. Two ASCII characters are never asked about. Seams is a view of tables that a
// SeamFiller filled (vocabulary_tables.h owns them): any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/tokenizer/unicode_classes.h"

namespace studio::engine {

namespace seam_bits {

// Qwen's 23,193 pairs fill 4 % of it, so that 4 of 100 seams are not seen; 64 KiB.
inline constexpr int kPairBitsLog2 = 19;
inline constexpr size_t kPairWords = (size_t{1} << kPairBitsLog2) / 64, kByteWords = 256 * 256 / 64;

// A pair is by the sum of both: of a row of characters each is looked at once.
inline uint32_t of_left(uint32_t left) {
  return left * 0x9E3779B1u;
}
inline uint32_t of_right(uint32_t right) {
  return right * 0x85EBCA6Bu;
}
inline size_t of_pair(uint32_t left, uint32_t right) {
  return (of_left(left) + of_right(right)) >> (32 - kPairBitsLog2);
}
// What stands for a byte that is a part of a character only.
inline uint32_t part_of_character(uint8_t byte) {
  return kCodePoints + byte;
}
inline size_t of_bytes(uint8_t left, uint8_t right) {
  return static_cast<size_t>(left) << 8 | right;
}
inline bool has(std::span<const uint64_t> bits, size_t at) {
  return (bits[at / 64] >> at % 64 & 1) != 0;
}

}  // namespace seam_bits

// What Seams has of bytes beside a place, in rows for one register each: by the last byte before the place a byte whose
// bits are the first ones behind it, E2 to E9 by their lower three bits.
struct SeamRows {
  static constexpr char kAscii = 1, kWide = 2;  // any byte of ASCII; EF

  using Row = std::array<uint8_t, 64>;
  Row before_han{};                   // by 80 to BF
  Row before_others{};                // by 80 to BF: bits kAscii and kWide
  Row parts{};                        // by 80 to BF: where a token holds parts on both sides
  std::array<Row, 2> behind_ascii{};  // by 00 to 7F; EF has the bit of E7
};
inline constexpr SeamRows::Row kSeamRowBits = [] {
  SeamRows::Row bits{};
  for (size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<uint8_t>(1u << i % 8);
  return bits;
}();

class Seams {
 public:
  Seams() = default;
  // pairs [kPairWords] of characters, by hash; bytes [kByteWords] = [256][256] last byte before, first byte after.
  Seams(std::span<const uint64_t> pairs, std::span<const uint64_t> bytes);

  // Between `left`, which ends with the byte before `text`, and `right`, which starts there; both whole characters.
  bool between(uint32_t left, const char* text, uint32_t right) const {
    if (seam_bits::has(pairs_, seam_bits::of_pair(left, right))) return false;
    return !splits(left, static_cast<uint8_t>(text[-1]), static_cast<uint8_t>(text[0]), right);
  }
  // Whether a token may lie across the place that holds only a part of a character beside it.
  bool splits(uint32_t left, uint8_t before, uint8_t after, uint32_t right) const {
    if (!seam_bits::has(bytes_, seam_bits::of_bytes(before, after))) return false;
    return !is_han(left) || !is_han(right) || splits_han(left, before, after, right);
  }
  // The same of piece[at], where at least one side is a whole character of Chinese.
  bool splits_at(std::string_view piece, size_t at) const {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(piece[i]); };
    if (!seam_bits::has(bytes_, seam_bits::of_bytes(byte(at - 1), byte(at)))) return false;
    if (at < 3 || at + 3 > piece.size()) return true;
    const uint32_t left = han_index(byte(at - 3), byte(at - 2), byte(at - 1));
    const uint32_t right = han_index(byte(at), byte(at + 1), byte(at + 2));
    return left >= kHanCount || right >= kHanCount ||
           splits_han(kHanFirst + left, byte(at - 1), byte(at), kHanFirst + right);
  }
  bool is_empty() const { return bytes_.empty(); }
  // SeamFiller::close_all(): no place is a seam.
  bool is_closed() const;
  std::span<const uint64_t> pairs() const { return pairs_; }
  const SeamRows& rows() const { return rows_; }

  // Places [count <= 64] before characters of Chinese that follow each other, the first at `text`, as bits: those that
  // no token lies across. Counts them: up to `most`, at text[3 * most] at least one more byte may be read. `left` is
  // what stands before the first, `before` its last byte.
  struct Places {
    uint64_t seams;
    size_t count;
    uint32_t last;  // the last character
  };
  Places between_han(uint32_t left, uint8_t before, const char* text, size_t most) const;

 private:
  // Of two characters of Chinese, where bytes_ has the bytes beside the place.
  bool splits_han(uint32_t left, uint8_t before, uint8_t after, uint32_t right) const {
    using namespace seam_bits;
    const uint32_t left_part = part_of_character(before), right_part = part_of_character(after);
    return has(pairs_, of_pair(left_part, right)) || has(pairs_, of_pair(left, right_part)) ||
           has(pairs_, of_pair(left_part, right_part));
  }

  std::span<const uint64_t> pairs_, bytes_;
  SeamRows rows_;
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
