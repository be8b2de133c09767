// Letters, numbers and white space as the reference tokenizers see them, and UTF-8 one code point at a time.
//
// The tables are generated (tools/make_unicode_tables.py). Pure functions over immutable tables: any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace studio::engine {

enum CharClass : uint8_t {
  kIsLetter = 1,   // \p{L}
  kIsNumber = 2,   // \p{N}
  kIsSpace = 4,    // \s
  kIsDigit = 8,    // what the Digits pre-tokenizer isolates
  kIsSteady = 16,  // known to stand unchanged in normal form C and to join with nothing before it (normal_form.h)
};

inline constexpr uint32_t kCodePoints = 0x110000;

// The characters of Chinese that are one block of letters, three bytes each: U+4E00 to 9FFF.
inline constexpr uint32_t kHanFirst = 0x4E00, kHanCount = 0x5200;

// Which of them these bytes are; kHanCount or more where they are none.
inline uint32_t han_index(uint8_t first, uint8_t second, uint8_t third) {
  const bool is_right = (first & 0xF0) == 0xE0 && (second & 0xC0) == 0x80 && (third & 0xC0) == 0x80;
  const uint32_t value = (first & 0x0Fu) << 12 | (second & 0x3Fu) << 6 | (third & 0x3Fu);
  return is_right ? value - kHanFirst : kHanCount;
}
inline bool is_han(uint32_t code_point) {
  return code_point - kHanFirst < kHanCount;
}
inline std::array<uint8_t, 3> utf8_of_han(uint32_t code_point) {
  return {static_cast<uint8_t>(0xE0 | code_point >> 12), static_cast<uint8_t>(0x80 | (code_point >> 6 & 0x3F)),
          static_cast<uint8_t>(0x80 | (code_point & 0x3F))};
}

// The classes of all code points in pages, most of which are the same as another: what a text looks at stays in the
// first-level cache.
class ClassTable {
 public:
  ClassTable();

  uint8_t of(uint32_t code_point) const {  // below kCodePoints
    return classes_[size_t{pages_[code_point / kPage]} * kPage + code_point % kPage];
  }

 private:
  static constexpr uint32_t kPage = 128;

  std::array<uint16_t, kCodePoints / kPage> pages_;  // of each page of code points where it stands in classes_
  std::vector<uint8_t> classes_;                     // [pages that differ][kPage] the classes, or'ed
};

const ClassTable& class_table();  // made once

// The classes of a code point, or'ed; 0 for all else.
inline uint8_t char_class(uint32_t code_point) {
  static const ClassTable& classes = class_table();
  return code_point < kCodePoints ? classes.of(code_point) : 0;
}

struct CodePoint {
  uint32_t value;
  int bytes;  // 1 .. 4

  // A byte that starts no valid sequence; U+FFFD itself has three.
  bool is_stray() const { return bytes == 1 && value >= 0x80; }
};

// The code point at text[at], at < text.size(). A byte that starts no valid sequence counts as one, value U+FFFD.
inline CodePoint decode_utf8(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[at + i])); };
  const auto is_tail = [&](size_t i) { return at + i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const uint32_t first = byte(0);
  constexpr CodePoint kBad = {0xFFFD, 1};
  if (first < 0x80) return {first, 1};
  if ((first & 0xF0) == 0xE0 && at + 3 <= text.size()) [[likely]] {  // Chinese, and most else that is not ASCII
    const uint32_t second = byte(1) ^ 0x80, third = byte(2) ^ 0x80;
    const uint32_t value = (first & 0x0F) << 12 | second << 6 | third;
    const bool is_right = (second | third) < 0x40 && value >= 0x800 && (value < 0xD800 || value >= 0xE000);
    return is_right ? CodePoint{value, 3} : kBad;
  }
  if (first < 0xC2 || first > 0xF4 || !is_tail(1)) return kBad;
  if (first < 0xE0) return {(first & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (first < 0xF0 || !is_tail(2) || !is_tail(3)) return kBad;
  const uint32_t value = (first & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
  if (value < 0x10000 || value >= kCodePoints) return kBad;
  return {value, 4};
}

}  // namespace studio::engine
