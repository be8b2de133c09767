// Letters, numbers and white space as the reference tokenizers see them, and UTF-8 one code point at a time.
//
// The tables are generated (tools/make_unicode_tables.py). Pure functions over immutable tables: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace studio::engine {

enum CharClass : uint8_t {
  kIsLetter = 1,   // \p{L}
  kIsNumber = 2,   // \p{N}
  kIsSpace = 4,    // \s
  kIsDigit = 8,    // what the Digits pre-tokenizer isolates
  kIsSteady = 16,  // known to stand unchanged in normal form C and to join with nothing before it (normal_form.h)
};

inline constexpr uint32_t kCodePoints = 0x110000;

// [kCodePoints] the classes of each code point, or'ed; 1.1 MB, made once.
const uint8_t* class_table();

// The classes of a code point, or'ed; 0 for all else.
inline uint8_t char_class(uint32_t code_point) {
  static const uint8_t* const classes = class_table();
  return code_point < kCodePoints ? classes[code_point] : 0;
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
