// Where the pieces of splitter.h begin, for up to 64 bytes of text at a look: bits of a word are bytes.
//
// A class of characters is a word of bits, and the pattern of Qwen is a few shifts and sums over these words, so that
// the pieces of a line of text cost what one of them costs otherwise. Idea: Langdale and Lemire, Parsing Gigabytes of
// JSON per Second, 2019. What depends on text behind the look is left out, and so is what begins with characters that a
// look does not know; next_piece() has these. Pure functions over immutable tables: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/tokenizer/seams.h"

namespace studio::engine {

inline constexpr size_t kWindowBytes = 64;

struct PieceWindow {
  // Bit i: a piece, or what follows a seam of one (seams.h), begins at byte i. Bit 0 was the look's before to say.
  uint64_t cuts = 0;
  // What is known: the next look begins there, at a piece or in the letters of one. 0: nothing is.
  size_t bytes = 0;
};

// What begins at text[at], at < text.size(): a piece by the pattern of Qwen, or letters of one that go on.
using PieceWindowFn = PieceWindow (*)(std::string_view text, size_t at, const Seams& seams);

// Characters of ASCII.
PieceWindow piece_window_base(std::string_view text, size_t at, const Seams& seams);
// And of Chinese, with its punctuation, cut at their seams; for processors with VBMI2 (2019) alone.
PieceWindow piece_window_avx512(std::string_view text, size_t at, const Seams& seams);
bool has_piece_window_avx512();

// The fastest that this processor runs.
PieceWindowFn piece_window();

// What a look sees: bit i of a class is byte i, whole characters.
struct WindowClasses {
  uint64_t letters = 0, digits = 0, symbols = 0;
  uint64_t white = 0;                 // with line breaks
  uint64_t newlines = 0, spaces = 0;  // \r and \n; U+0020
  uint64_t apostrophes = 0;
  uint64_t three = 0;            // first bytes of characters that have three
  size_t bytes = 0;              // that have a class
  bool is_whole = false;         // the text ends behind them
  bool has_last_unseen = false;  // the last bit is a character that add_last_character() added
};

// `seams`: bit i: no token lies across the place before byte i.
PieceWindow qwen_window(const char* text, WindowClasses classes, uint64_t seams);

// Adds the class of the character at text[at + classes.bytes], of whose bytes only the first is seen.
void add_last_character(std::string_view text, size_t at, WindowClasses& classes);

}  // namespace studio::engine
