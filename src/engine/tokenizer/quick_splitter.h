// The pieces of splitter.h where they are ASCII, sixteen bytes at a look: 9 of 10 pieces of English or code.
//
// quick_piece() gives what next_piece() gives, or 0 where it leaves the answer to that one: near the end of the text,
// where something else than ASCII belongs to the piece, at what may be a contraction. splitter_test.cc and the fuzz
// target compare the two. Pure functions: any thread.
#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

#include "engine/tokenizer/splitter.h"
#include "engine/tokenizer/unicode_classes.h"

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

// The classes of kQuickBytes bytes: bit i is byte i.
#ifdef __SSE2__
class AsciiBits {
 public:
  explicit AsciiBits(const char* text) : bytes_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(text))) {}
  uint32_t letters() const { return bits(within(_mm_or_si128(bytes_, _mm_set1_epi8(0x20)), 'a', 26)); }
  uint32_t digits() const { return bits(within(bytes_, '0', 10)); }
  uint32_t newlines() const { return bits(_mm_or_si128(is('\n'), is('\r'))); }
  uint32_t white() const { return bits(_mm_or_si128(is(' '), within(bytes_, '\t', 5))); }  // with newlines
  uint32_t others() const { return bits(bytes_); }                                         // not ASCII

 private:
  // Of `count` values from `first` on.
  static __m128i within(__m128i values, char first, char count) {
    const __m128i from_first = _mm_sub_epi8(values, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(from_first, _mm_set1_epi8(static_cast<char>(count - 1))), from_first);
  }
  __m128i is(char c) const { return _mm_cmpeq_epi8(bytes_, _mm_set1_epi8(c)); }
  static uint32_t bits(__m128i mask) { return static_cast<uint32_t>(_mm_movemask_epi8(mask)); }

  __m128i bytes_;
};
#else
class AsciiBits {
 public:
  explicit AsciiBits(const char* text) : text_(text) {}
  uint32_t letters() const { return bits(AsciiClass::kLetter); }
  uint32_t digits() const { return bits(AsciiClass::kDigit); }
  uint32_t newlines() const { return bits(AsciiClass::kNewline); }
  uint32_t white() const { return bits(AsciiClass::kSpace) | newlines(); }
  uint32_t others() const { return bits(AsciiClass::kNotAscii); }

 private:
  uint32_t bits(AsciiClass which) const {
    uint32_t bits = 0;
    for (size_t i = 0; i < kQuickBytes; ++i) {
      bits |= uint32_t{kAsciiClasses[static_cast<uint8_t>(text_[i])] == which} << i;
    }
    return bits;
  }

  const char* text_;
};
#endif

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

// The piece where it is longer than kQuickBytes: byte by byte.
template <SplitPattern pattern>
inline size_t long_piece(const char* text, size_t begin, size_t end) {
  using enum AsciiClass;
  constexpr bool is_qwen = pattern == SplitPattern::kQwen2;
  const char* const at = text + begin;
  const AsciiClass first = quick::class_at(at, 0);
  const AsciiClass second = begin + 1 < end ? quick::class_at(at, 1) : first;

  // A letter or what may stand before some, then letters.
  const bool may_lead = is_qwen ? first == kSymbol || first == kSpace : *at == ' ';
  if (first == kLetter || (may_lead && second == kLetter)) {
    const size_t stop = quick::skip(text, begin + 1, end, kLetter);
    return stop < end && quick::class_at(text, stop) == kNotAscii ? 0 : stop;
  }
  const AsciiClass body = *at == ' ' ? second : first;
  if (body == kSymbol || (!is_qwen && body == kDigit)) {
    size_t stop = quick::skip(text, begin + 1, end, body);
    if (stop < end && quick::class_at(text, stop) == kNotAscii) return 0;
    if (is_qwen) stop = quick::skip(text, stop, end, kNewline);
    return stop;
  }
  return first == kSpace || first == kNewline ? quick::space_run(text, begin, end, is_qwen) : 0;
}

// What quick_piece() chose, up to where it meets a character that is not ASCII.
enum class QuickKind : uint8_t { kWord, kSymbols, kDigits, kWhite };

// Whether a piece of this kind, read up to `stop`, is the one that quick_piece() computed although it meets something
// else than ASCII there; where not, that goes on with it or makes it another kind.
[[gnu::noinline]] inline bool ends_before_other(std::string_view segment, size_t begin, size_t stop, QuickKind kind,
                                                bool may_lead) {
  if (stop == begin) return false;
  const uint8_t classes = char_class(decode_utf8(segment, stop).value);
  if (may_lead && stop == begin + 1 && (classes & kIsLetter) != 0) return false;
  switch (kind) {
    case QuickKind::kWord:
      return (classes & kIsLetter) == 0;
    case QuickKind::kSymbols:
      return (classes & (kIsSpace | kIsLetter | kIsNumber)) != 0;
    case QuickKind::kDigits:
      return (classes & kIsNumber) == 0;
    case QuickKind::kWhite:  // a space alone may stand before anything
      return (classes & kIsSpace) == 0 && !(stop == begin + 1 && segment[begin] == ' ');
  }
  return false;
}

// End of the piece that starts at `begin` of the segment that ends at `end`; 0: ask next_piece(). `text` is `size`
// long. What kind of piece comes next is nothing that a processor could guess, so all kinds are computed and one is
// chosen, without branches: 120 instructions cost less than two wrong guesses in three pieces.
template <SplitPattern pattern>
inline size_t quick_piece(const char* text, size_t begin, size_t end, size_t size) {
  constexpr bool is_qwen = pattern == SplitPattern::kQwen2;
  if (begin + kQuickBytes > size) return 0;
  const char* const at = text + begin;
  const AsciiBits bits(at);
  // Behind the segment's end nothing is of any class. Two patterns have one segment alone.
  const uint32_t there = pattern == SplitPattern::kSmolLm
                             ? (uint32_t{1} << std::min<size_t>(kQuickBytes, end - begin)) - 1
                             : (uint32_t{1} << kQuickBytes) - 1;
  const uint32_t letters = bits.letters() & there, digits = bits.digits() & there;
  const uint32_t newlines = bits.newlines() & there, white = bits.white() & there;
  const uint32_t others = bits.others() & there;
  const uint32_t symbols = there & ~(letters | digits | white | others);
  const auto first_not = [](uint32_t mask) { return static_cast<uint32_t>(__builtin_ctz(~mask)); };  // of 16 bits
  const auto choose = [](uint32_t is_first, uint32_t first, uint32_t second) {
    return __builtin_unpredictable(is_first != 0) ? first : second;
  };

  // A letter or what may stand before some, then letters.
  const uint32_t is_space = *at == ' ' ? 1 : 0;
  const uint32_t leads = is_qwen ? ~(digits | newlines | others) : is_space;
  const uint32_t is_word = (letters | (leads & letters >> 1)) & 1;
  const uint32_t word_stop = first_not(letters | 1);
  // A space that may be, then symbols; by GPT-2's pattern digits, too.
  const uint32_t body = !is_qwen && (digits >> is_space & 1) != 0 ? digits : symbols;
  const uint32_t is_run = body >> is_space & 1;
  const uint32_t run_stop = first_not(body | is_space);
  const uint32_t run_end = is_qwen ? run_stop + first_not(newlines >> run_stop) : run_stop;
  // White space: up to its last line break; else but for its last character, unless it ends the segment or is one.
  const uint32_t white_stop = first_not(white);
  const uint32_t breaks = is_qwen ? newlines & ((uint32_t{1} << white_stop) - 1) : 0;
  const uint32_t is_cut = (there >> white_stop & 1) & (white_stop != 1 ? 1 : 0);
  const uint32_t white_end =
      choose(breaks != 0 ? 1 : 0, static_cast<uint32_t>(std::bit_width(breaks)), white_stop - is_cut);
  const uint32_t is_digit = is_qwen ? digits & 1 : 0;

  const uint32_t stop = choose(is_word, word_stop, choose(is_run, run_stop, white_stop));
  const uint32_t piece = choose(is_digit, 1, choose(is_word, word_stop, choose(is_run, run_end, white_end)));
  const bool may_be_contraction = *at == '\'' && ((letters | others) >> 1 & 1) != 0;
  const bool meets_other = ((others | uint32_t{stop == 0}) >> stop & ~is_digit & 1) != 0;
  if (may_be_contraction) [[unlikely]]
    return 0;
  if (meets_other) [[unlikely]] {
    const QuickKind kind = is_word != 0      ? QuickKind::kWord
                           : is_run == 0     ? QuickKind::kWhite
                           : body == symbols ? QuickKind::kSymbols
                                             : QuickKind::kDigits;
    return ends_before_other({text, end}, begin, begin + stop, kind, (leads & 1) != 0) ? begin + piece : 0;
  }
  if (std::max(stop, piece) >= kQuickBytes) [[unlikely]]
    return long_piece<pattern>(text, begin, end);
  return begin + piece;
}

}  // namespace studio::engine
