// Characters as Python's str sees them: code points, its classes of them, its case mappings.
//
// Strings are UTF-8 and were checked on the way in (is_valid_utf8); the other functions rely on it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/templates/text.h"

namespace studio::engine::jinja {

bool is_valid_utf8(std::string_view bytes);

// The character at bytes[i]; i moves past it.
char32_t next_char(std::string_view bytes, size_t& i);
void append_utf8(std::string& out, char32_t c);

size_t count_chars(std::string_view bytes);
// Where character n begins; bytes.size() if there are no more than n.
size_t char_offset(std::string_view bytes, size_t n);

bool is_space(char32_t c);       // str.isspace, str.strip
bool is_line_break(char32_t c);  // str.splitlines
bool is_alpha(char32_t c);
bool is_decimal(char32_t c);
bool is_digit(char32_t c);
bool is_numeric(char32_t c);
bool is_printable(char32_t c);
bool is_lower(char32_t c);
bool is_upper(char32_t c);
bool is_title(char32_t c);

// Full mappings (one character may become three), no locale; lower knows the final sigma. Each character of the result
// has the origin of the one it comes from.
Text to_upper(const Text& text);
Text to_lower(const Text& text);
// The first character in title case, the others lower: str.capitalize.
Text to_capitalized(const Text& text);
// As above for each run of cased letters: str.title.
Text to_title(const Text& text);

}  // namespace studio::engine::jinja
