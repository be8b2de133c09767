#include "engine/tokenizer/splitter.h"

#include <cstdint>

#include "engine/tokenizer/unicode_classes.h"

namespace studio::engine {
namespace {

constexpr uint32_t kLongS = 0x17F;  // folds to s where case does not matter

struct Char {
  uint32_t value;
  uint8_t classes;
  size_t end;

  bool is(uint8_t mask) const { return (classes & mask) != 0; }
  bool is_newline() const { return value == '\n' || value == '\r'; }
  // Neither white space nor letter nor number.
  bool is_symbol() const { return (classes & (kIsSpace | kIsLetter | kIsNumber)) == 0; }
};

inline Char char_at(std::string_view text, size_t at) {
  const CodePoint point = decode_utf8(text, at);
  return {point.value, char_class(point.value), at + static_cast<size_t>(point.bytes)};
}

size_t skip_class(std::string_view text, size_t at, uint8_t mask) {
  while (at < text.size()) {
    const Char c = char_at(text, at);
    if (!c.is(mask)) break;
    at = c.end;
  }
  return at;
}

size_t skip_symbols(std::string_view text, size_t at) {
  while (at < text.size()) {
    const Char c = char_at(text, at);
    if (!c.is_symbol()) break;
    at = c.end;
  }
  return at;
}

uint32_t lower(uint32_t c) {
  if (c == kLongS) return 's';
  return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

// 's 't 're 've 'm 'll 'd; 0 when none starts here.
size_t contraction_end(std::string_view text, size_t begin, bool any_case) {
  if (text[begin] != '\'' || begin + 1 >= text.size()) return 0;
  const Char first = char_at(text, begin + 1);
  const uint32_t a = any_case ? lower(first.value) : first.value;
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return first.end;
  if (first.end >= text.size()) return 0;
  const Char second = char_at(text, first.end);
  const uint32_t b = any_case ? lower(second.value) : second.value;
  const bool pair = (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l');
  return pair ? second.end : 0;
}

// \s+(?!\S)|\s+ : a run of white space, but not its last character when a word follows.
size_t space_end(std::string_view text, size_t begin) {
  size_t at = begin, last = begin;
  while (at < text.size()) {
    const Char c = char_at(text, at);
    if (!c.is(kIsSpace)) break;
    last = at;
    at = c.end;
  }
  return at == text.size() || last == begin ? at : last;
}

// \s*[\r\n]+ : white space up to and with its last line break; 0 when the run has none.
size_t line_break_end(std::string_view text, size_t begin) {
  size_t end = 0;
  for (size_t at = begin; at < text.size();) {
    const Char c = char_at(text, at);
    if (!c.is(kIsSpace)) break;
    if (c.is_newline()) end = c.end;
    at = c.end;
  }
  return end;
}

size_t next_qwen2(std::string_view text, size_t begin) {
  if (const size_t end = contraction_end(text, begin, true); end != 0) return end;
  const Char first = char_at(text, begin);
  if (first.is(kIsLetter)) return skip_class(text, first.end, kIsLetter);
  const bool has_next = first.end < text.size();
  if (!first.is_newline() && !first.is(kIsNumber) && has_next && char_at(text, first.end).is(kIsLetter)) {
    return skip_class(text, first.end, kIsLetter);
  }
  if (first.is(kIsNumber)) return first.end;
  const bool space_then_symbol = first.value == ' ' && has_next && char_at(text, first.end).is_symbol();
  if (first.is_symbol() || space_then_symbol) {
    size_t end = skip_symbols(text, first.end);
    while (end < text.size() && (text[end] == '\r' || text[end] == '\n')) ++end;
    return end;
  }
  if (const size_t end = line_break_end(text, begin); end != 0) return end;
  return space_end(text, begin);
}

size_t next_gpt2(std::string_view text, size_t begin) {
  if (const size_t end = contraction_end(text, begin, false); end != 0) return end;
  Char c = char_at(text, begin);
  if (c.value == ' ' && c.end < text.size() && !char_at(text, c.end).is(kIsSpace)) c = char_at(text, c.end);
  if (c.is(kIsLetter)) return skip_class(text, c.end, kIsLetter);
  if (c.is(kIsNumber)) return skip_class(text, c.end, kIsNumber);
  if (c.is_symbol()) return skip_symbols(text, c.end);
  return space_end(text, begin);
}

}  // namespace

size_t next_segment(SplitPattern pattern, std::string_view text, size_t begin) {
  if (pattern != SplitPattern::kSmolLm) return text.size();
  const Char first = char_at(text, begin);
  if (first.is(kIsDigit)) return first.end;
  size_t at = first.end;
  while (at < text.size()) {
    const Char c = char_at(text, at);
    if (c.is(kIsDigit)) break;
    at = c.end;
  }
  return at;
}

size_t next_piece(SplitPattern pattern, std::string_view text, size_t begin) {
  switch (pattern) {
    case SplitPattern::kQwen2:
      return next_qwen2(text, begin);
    case SplitPattern::kGpt2:
    case SplitPattern::kSmolLm:
      return next_gpt2(text, begin);
  }
  return text.size();
}

}  // namespace studio::engine
