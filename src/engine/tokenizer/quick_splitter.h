// The pieces of splitter.h by the patterns of GPT-2 and SmolLM2 where they are ASCII, sixteen bytes at a look: 9 of 10
// pieces of English or code. Those of Qwen come of piece_window.h.
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
  uint32_t spaces() const { return bits(is(' ')); }                                        // U+0020
  uint32_t apostrophes() const { return bits(is('\'')); }
  uint32_t others() const { return bits(bytes_); }  // not ASCII

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
  uint32_t spaces() const { return of(' '); }
  uint32_t apostrophes() const { return of('\''); }
  uint32_t others() const { return bits(AsciiClass::kNotAscii); }

 private:
  uint32_t bits(AsciiClass which) const {
    uint32_t bits = 0;
    for (size_t i = 0; i < kQuickBytes; ++i) {
      bits |= uint32_t{kAsciiClasses[static_cast<uint8_t>(text_[i])] == which} << i;
    }
    return bits;
  }
  uint32_t of(char c) const {
    uint32_t bits = 0;
    for (size_t i = 0; i < kQuickBytes; ++i) bits |= uint32_t{text_[i] == c} << i;
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

// A run of white space from `begin` on.
inline size_t space_run(const char* text, size_t begin, size_t end) {
  const auto is_white = [](AsciiClass c) { return c == AsciiClass::kSpace || c == AsciiClass::kNewline; };
  size_t at = begin;
  while (at < end && is_white(class_at(text, at))) ++at;
  if (at < end && class_at(text, at) == AsciiClass::kNotAscii) return 0;
  return at == end || at == begin + 1 ? at : at - 1;
}

}  // namespace quick

// The piece where it is longer than kQuickBytes: byte by byte.
inline size_t long_piece(const char* text, size_t begin, size_t end) {
  using enum AsciiClass;
  const char* const at = text + begin;
  const AsciiClass first = quick::class_at(at, 0);
  const AsciiClass second = begin + 1 < end ? quick::class_at(at, 1) : first;

  // A space that may be, then characters of one class.
  const AsciiClass body = *at == ' ' ? second : first;
  if (body == kLetter || body == kSymbol || body == kDigit) {
    const size_t stop = quick::skip(text, begin + 1, end, body);
    return stop < end && quick::class_at(text, stop) == kNotAscii ? 0 : stop;
  }
  return first == kSpace || first == kNewline ? quick::space_run(text, begin, end) : 0;
}

// What quick_piece() chose, up to where it meets a character that is not ASCII.
enum class QuickKind : uint8_t { kWord, kSymbols, kDigits, kWhite };

// Whether a piece of this kind, read up to `stop`, is the one that quick_piece() computed although it meets something
// else than ASCII there; where not, that goes on with it or makes it another kind.
[[gnu::noinline]] inline bool ends_before_other(std::string_view segment, size_t begin, size_t stop, QuickKind kind,
                                                bool is_space) {
  if (stop == begin) return false;
  const uint8_t classes = char_class(decode_utf8(segment, stop).value);
  if (is_space && stop == begin + 1 && (classes & kIsLetter) != 0) return false;
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
  static_assert(pattern != SplitPattern::kQwen2);  // piece_window.h
  if (begin + kQuickBytes > size) return 0;
  const char* const at = text + begin;
  const AsciiBits bits(at);
  // Behind the segment's end nothing is of any class. GPT-2's pattern has one segment alone.
  const uint32_t there = pattern == SplitPattern::kSmolLm
                             ? (uint32_t{1} << std::min<size_t>(kQuickBytes, end - begin)) - 1
                             : (uint32_t{1} << kQuickBytes) - 1;
  const uint32_t letters = bits.letters() & there, digits = bits.digits() & there;
  const uint32_t white = bits.white() & there, others = bits.others() & there;
  const uint32_t symbols = there & ~(letters | digits | white | others);
  const auto first_not = [](uint32_t mask) { return static_cast<uint32_t>(__builtin_ctz(~mask)); };  // of 16 bits
  const auto choose = [](uint32_t is_first, uint32_t first, uint32_t second) {
    return __builtin_unpredictable(is_first != 0) ? first : second;
  };

  // A space that may be, then letters; or symbols; or digits.
  const uint32_t is_space = *at == ' ' ? 1 : 0;
  const uint32_t is_word = (letters >> is_space) & 1;
  const uint32_t word_stop = first_not(letters | 1);
  const uint32_t body = (digits >> is_space & 1) != 0 ? digits : symbols;
  const uint32_t is_run = body >> is_space & 1;
  const uint32_t run_stop = first_not(body | is_space);
  // White space but for its last character, unless it ends the segment or is one.
  const uint32_t white_stop = first_not(white);
  const uint32_t is_cut = (there >> white_stop & 1) & (white_stop != 1 ? 1 : 0);

  const uint32_t stop = choose(is_word, word_stop, choose(is_run, run_stop, white_stop));
  const uint32_t piece = choose(is_word, word_stop, choose(is_run, run_stop, white_stop - is_cut));
  const bool may_be_contraction = *at == '\'' && ((letters | others) >> 1 & 1) != 0;
  const bool meets_other = ((others | uint32_t{stop == 0}) >> stop & 1) != 0;
  if (may_be_contraction) [[unlikely]]
    return 0;
  if (meets_other) [[unlikely]] {
    const QuickKind kind = is_word != 0      ? QuickKind::kWord
                           : is_run == 0     ? QuickKind::kWhite
                           : body == symbols ? QuickKind::kSymbols
                                             : QuickKind::kDigits;
    return ends_before_other({text, end}, begin, begin + stop, kind, is_space != 0) ? begin + piece : 0;
  }
  if (stop >= kQuickBytes) [[unlikely]]
    return long_piece(text, begin, end);
  return begin + piece;
}

}  // namespace studio::engine
