// "Did you mean ...?": the known name closest to a mistyped one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace studio {

// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
int edit_distance(std::string_view a, std::string_view b);

// Empty when none is near enough to be meant (a third of the name's length, at least 2 edits).
std::string nearest_name(std::string_view name, std::span<const std::string> known);

// "; did you mean 'x'?" or nothing.
std::string did_you_mean(std::string_view name, std::span<const std::string> known);

}  // namespace studio
