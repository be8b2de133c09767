// The pieces of splitter.h where they are ASCII, sixteen bytes at a look: 9 of 10 pieces of English or code.
//
// quick_piece() gives what next_piece() gives, or 0 where it leaves the answer to that one: near the end of the text,
// at anything but ASCII, at what may be a contraction. splitter_test.cc and the fuzz target compare the two.
// Pure functions: any thread.
#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

#include "engine/tokenizer/splitter.h"

namespace studio::engine {

enum class AsciiClass : uint8_t { kSymbol, kLetter, kDigit, kSpace, kNewline, kNotAscii };

inline constexpr std::array<AsciiClass, 256> kAsciiClasses = [] {
  std::array<AsciiClass, 256> classes{};
  for (size_t c = 0; c < 256; ++c) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool is_space = c == ' ' || c == '\t' || c == '\v' || c == '\f';
    classes[c] = c >= 0x80                ? AsciiClass::kNotAscii
                 : is_letter              ? AsciiClass::kLetter
                 : c >= '0' && c <= '9'   ? AsciiClass::kDigit
                 : is_space               ? AsciiClass::kSpace
                 : c == '\n' || c == '\r' ? AsciiClass::kNewline
                                          : AsciiClass::kSymbol;
  }
  return classes;
}();

inline constexpr size_t kQuickBytes = 16;  // that must be readable where a piece starts

// Bit i: byte i of the kQuickBytes at `text` is an ASCII letter.
inline uint32_t letter_bits(const char* text) {
#ifdef __SSE2__
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
  const __m128i from_a = _mm_sub_epi8(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
  const __m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(from_a, _mm_set1_epi8(25)), from_a);
  return static_cast<uint32_t>(_mm_movemask_epi8(is_letter));
#else
  uint32_t bits = 0;
  for (size_t i = 0; i < kQuickBytes; ++i) {
    bits |= uint32_t{kAsciiClasses[static_cast<uint8_t>(text[i])] == AsciiClass::kLetter} << i;
  }
  return bits;
#endif
}

namespace quick {

inline AsciiClass class_at(const char* text, size_t at) {
  return kAsciiClasses[static_cast<uint8_t>(text[at])];
}

// From `at` on as long as the class is this one.
inline size_t skip(const char* text, size_t at, size_t end, AsciiClass which) {
  while (at < end && class_at(text, at) == which) ++at;
  return at;
}

// A run of white space from `begin` on; with `by_lines` it ends behind its last line break where there is one.
inline size_t space_run(const char* text, size_t begin, size_t end, bool by_lines) {
  size_t at = begin, line = 0;
  for (; at < end; ++at) {
    const AsciiClass c = class_at(text, at);
    if (c == AsciiClass::kNewline) {
      line = at + 1;
    } else if (c != AsciiClass::kSpace) {
      break;
    }
  }
  if (at < end && class_at(text, at) == AsciiClass::kNotAscii) return 0;
  if (by_lines && line != 0) return line;
  return at == end || at == begin + 1 ? at : at - 1;
}

}  // namespace quick

// End of the piece that starts at `begin` of the segment that ends at `end`; 0: ask next_piece(). `text` is `size`
// long.
template <SplitPattern pattern>
inline size_t quick_piece(const char* text, size_t begin, size_t end, size_t size) {
  using enum AsciiClass;
  constexpr bool is_qwen = pattern == SplitPattern::kQwen2;
  if (begin + kQuickBytes > size) return 0;
  const char* const at = text + begin;
  const AsciiClass first = quick::class_at(at, 0), second = quick::class_at(at, 1);
  if (*at == '\'' && (second == kLetter || second == kNotAscii)) return 0;

  // A letter or what may stand before some, then letters.
  const uint32_t letters = letter_bits(at);
  const bool may_lead = first == kLetter || (is_qwen ? first == kSymbol || first == kSpace : *at == ' ');
  if ((letters & 3) != 0 && may_lead) {
    size_t stop = begin + static_cast<size_t>(std::countr_zero(~(letters | 1)));
    if (stop == begin + kQuickBytes) stop = quick::skip(text, stop, end, kLetter);
    return stop < end && quick::class_at(text, stop) == kNotAscii ? 0 : stop;
  }
  if (is_qwen && first == kDigit) return begin + 1;
  const bool has_space = *at == ' ' && begin + 1 < end;
  const AsciiClass body = has_space ? second : first;
  if (body == kSymbol || (!is_qwen && body == kDigit)) {
    size_t stop = quick::skip(text, begin + 1, end, body);
    if (stop < end && quick::class_at(text, stop) == kNotAscii) return 0;
    if (is_qwen) stop = quick::skip(text, stop, end, kNewline);
    return stop;
  }
  return first == kSpace || first == kNewline ? quick::space_run(text, begin, end, is_qwen) : 0;
}

}  // namespace studio::engine
