// Operations on texts that filters and methods share. Linear in their input, origins kept byte by byte.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "engine/templates/value.h"

namespace studio::engine::jinja {

// Where needle begins in text at or after `from`; npos if nowhere. Linear also on texts made to be slow.
size_t find_bytes(std::string_view text, std::string_view needle, size_t from = 0);

enum class Ends : uint8_t { kBoth, kLeft, kRight };
// The ends without whitespace, or without any of the characters of *chars.
Text strip(Budget& budget, const Text& text, std::optional<std::string_view> chars, Ends ends);

// Each `old` replaced, at most `count` times (negative: all). What is put in keeps its origin only where the template
// itself spelled the bytes that it replaces: where the caller's text decides the places, it is the caller's.
Text replace(Budget& budget, const Text& text, std::string_view old, const Text& by, Int count);

// At most `limit` cuts (negative: all), from the right if so asked. Without a separator at runs of whitespace.
std::vector<Text> split(Budget& budget, const Text& text, std::optional<std::string_view> separator, Int limit,
                        bool from_right);
std::vector<Text> split_lines(Budget& budget, const Text& text, bool keep_ends);

// The separator counts as the caller's if the caller's text decided how many items there are.
Text join(Budget& budget, const Text& separator, const std::vector<Text>& items, bool are_cut_from_data);

// Spaces (or fill) up to width characters; align as in format strings: '<', '>', '^'.
Text pad(Budget& budget, const Text& text, Int width, char align, std::string_view fill = " ");

}  // namespace studio::engine::jinja
