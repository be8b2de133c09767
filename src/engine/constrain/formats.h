// Named formats of strings, each as a pattern of the whole text. Where a format's full grammar is larger than what
// anyone writes, the pattern is a part of it: what comes out always has the format.
#pragma once

#include <optional>
#include <string_view>

namespace studio::engine::constrain {

// Nothing for an unknown one. An empty pattern: a name that says nothing about the text (password).
std::optional<std::string_view> format_pattern(std::string_view name);

}  // namespace studio::engine::constrain
