// Named formats of strings, each as a pattern of the whole text. Where a format's full grammar is larger than what
// anyone writes, the pattern is a part of it: what comes out always has the format.
#pragma once

#include <string_view>

namespace studio::engine::constrain {

// Empty for an unknown format and for names that say nothing about the text (password): they are annotations.
std::string_view format_pattern(std::string_view name);
// Of values that a schema lists: nearer to the whole format, as those who list them know what they write.
std::string_view listed_format_pattern(std::string_view name);
// A pattern that every text of the format matches, and others too: what does not match it has not the format. Empty:
// every text may have it.
std::string_view widest_format_pattern(std::string_view name);

}  // namespace studio::engine::constrain
