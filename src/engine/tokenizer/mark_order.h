// Runs of combining marks in the order that Unicode's normal forms have.
//
// The library that normalises moves each mark into its place by itself, in time that is the square of a run: a megabyte
// of marks behind one letter took a minute. A run that is in order already it only reads.
#pragma once

#include <string>
#include <string_view>

namespace studio::engine {

// A text of the same normal forms, by Unicode 9.0, in which marks of long runs are decomposed and in order; the text
// itself where it has no such run, else in `storage`. Bytes that are no character, and characters younger than 9.0,
// stand as they are and end a run.
std::string_view with_ordered_marks(std::string_view text, std::string& storage);

}  // namespace studio::engine
