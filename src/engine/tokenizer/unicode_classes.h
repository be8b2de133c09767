// Letters, numbers and white space as the reference tokenizers see them, and UTF-8 one code point at a time.
//
// The tables are generated (tools/make_unicode_tables.py). Pure functions over immutable tables: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace studio::engine {

enum CharClass : uint8_t {
  kIsLetter = 1,  // \p{L}
  kIsNumber = 2,  // \p{N}
  kIsSpace = 4,   // \s
  kIsDigit = 8,   // what the Digits pre-tokenizer isolates
};

// The classes of a code point, or'ed; 0 for all else.
uint8_t char_class(uint32_t code_point);

struct CodePoint {
  uint32_t value;
  int bytes;  // 1 .. 4
};

// The code point at text[at], at < text.size(). A byte that starts no valid sequence counts as one, value U+FFFD.
CodePoint decode_utf8(std::string_view text, size_t at);

}  // namespace studio::engine
