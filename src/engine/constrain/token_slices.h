// Slices of a vocabulary: tokens of plain text by the characters they are made of, so that whole slices may follow, or
// none of it, without a look at each token.
//
// Most states of a constraint lie inside of strings, and there what may follow is told by kinds of characters: all of
// them, letters alone, so many more at most. `take` walks the automaton over all texts of a slice's characters at once,
// character by character, which is a few steps where states loop and a few a character where they count.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/constrain/automaton.h"

namespace studio::engine::constrain {

// Nine in ten tokens have at most 12 characters. Longer ones than this are few and walked one by one; those of other
// scripts are shorter, and each of their characters is eight states.
inline constexpr int kMaxSliceChars = 24, kMaxTextChars = 12;

// In the order in which a token is tried: it is in the first slice that has all of its characters.
enum class Slice : uint8_t { kLower, kLetters, kWord, kSpaced, kPrintable, kText, kNone };
inline constexpr size_t kSliceCount = 6;

struct Sliced {
  Slice slice = Slice::kNone;
  int chars = 0;
};
// kNone: what a JSON string does not hold as it is, pieces of characters, tokens past kMaxSliceChars.
Sliced slice_of(std::string_view token);

struct Taken {
  int chars = 0;              // every text of up to so many characters of the slice may follow
  bool nothing_more = false;  // and none of more
};
// Looks no further than `most_chars`.
Taken take(Automaton& automaton, StateId state, Slice slice, int most_chars);

}  // namespace studio::engine::constrain
