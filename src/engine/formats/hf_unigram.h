// tokenizer.json of an XLM-R encoder (library `tokenizers`, format version 1.0, read 2026-11): the vocabulary of a
// unigram, what is done to text before it, and what stands around a text.
//
// What the tokenizer of this engine does not do is refused by name; truncation and padding, which are the caller's
// business, are passed over. Errors: corrupt_data, unimplemented.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/hf_around.h"

namespace studio::engine {

// A step that changes a text as a whole, in the order of the file.
struct HfTextStep {
  enum class Kind {
    kCharacters,     // by SentencePiece's own table, `bytes`
    kStrip,          // white space at the ends
    kReplace,        // each `from`
    kReplaceSpaces,  // each run of two or more spaces
  };
  Kind kind = Kind::kStrip;
  std::string bytes, from, to;
  bool strips_left = false, strips_right = false;
};

struct HfUnigram {
  std::vector<std::string> tokens;  // [V] by id
  std::vector<double> scores;       // [V]
  std::vector<bool> is_control;     // [V] come out of no text
  int32_t unknown = -1;
  std::vector<HfTextStep> steps;
  bool splits_at_space = false;  // words are parted at white space, which goes
  bool marks_beginning = true;   // a word gets the mark of a space in front, unless it begins with one
  bool splits_at_mark = true;    // words are parted before each mark
  HfAround around;

  static Result<HfUnigram> parse(std::string_view json);
};

// Whether a tokenizer.json holds a unigram. False where nothing can be read: whoever reads it then says why.
bool is_unigram_json(std::string_view json);

}  // namespace studio::engine
