// tokenizer.json of a BERT encoder (library `tokenizers`, format version 1.0, read 2026-11): the vocabulary of a
// WordPiece, what is done to text before it, and what stands around a single text.
//
// What the tokenizer of this engine does not do is refused by name; truncation and padding, which are the caller's
// business, are passed over. Errors: corrupt_data, unimplemented.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace studio::engine {

// The flags of BertNormalizer.
struct BertTextRules {
  bool cleans = true;              // control characters go, white space becomes spaces
  bool sets_chinese_apart = true;  // each of these characters is a word
  bool strips_accents = true;      // decomposes, and drops what combines
  bool lowers = true;
};

struct HfWordPiece {
  std::vector<std::string> tokens;  // by id; empty where no token has the id
  std::string prefix;               // of a token inside a word: "##"
  int32_t unknown = -1;             // id of the token for words that the vocabulary cannot spell
  size_t max_word_characters = 100;
  BertTextRules rules;
  std::vector<int32_t> before, after;  // ids around a single text: [CLS], [SEP]
  // Between the two of a pair, around which stands what stands around one text. Missing: pairs are not for this model.
  std::optional<std::vector<int32_t>> between;

  static Result<HfWordPiece> parse(std::string_view json);
};

}  // namespace studio::engine
