#include "engine/tokenizer/unicode_classes.h"

#include <vector>

namespace studio::engine {
namespace {

struct CodePointRange {
  uint32_t first, last;
};

#include "engine/tokenizer/generated/unicode_classes.inc"

constexpr uint32_t kCodePoints = 0x110000;

// One byte per code point: 1.1 MB, made once.
const std::vector<uint8_t>& table() {
  static const std::vector<uint8_t> classes = [] {
    std::vector<uint8_t> made(kCodePoints, 0);
    auto mark = [&](auto& ranges, uint8_t bit) {
      for (const CodePointRange& range : ranges) {
        for (uint32_t c = range.first; c <= range.last; ++c) made[c] |= bit;
      }
    };
    mark(kLetterRanges, kIsLetter);
    mark(kNumberRanges, kIsNumber);
    mark(kSpaceRanges, kIsSpace);
    mark(kDigitRanges, kIsDigit);
    return made;
  }();
  return classes;
}

bool is_tail(std::string_view text, size_t at) {
  return at < text.size() && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80;
}

}  // namespace

uint8_t char_class(uint32_t code_point) {
  return code_point < kCodePoints ? table()[code_point] : 0;
}

CodePoint decode_utf8(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[at + i])); };
  const uint32_t first = byte(0);
  constexpr CodePoint kBad = {0xFFFD, 1};
  if (first < 0x80) return {first, 1};
  if (first < 0xC2 || first > 0xF4 || !is_tail(text, at + 1)) return kBad;
  if (first < 0xE0) return {(first & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (!is_tail(text, at + 2)) return kBad;
  if (first < 0xF0) {
    const uint32_t value = (first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    if (value < 0x800 || (value >= 0xD800 && value < 0xE000)) return kBad;
    return {value, 3};
  }
  if (!is_tail(text, at + 3)) return kBad;
  const uint32_t value = (first & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
  if (value < 0x10000 || value >= kCodePoints) return kBad;
  return {value, 4};
}

}  // namespace studio::engine
