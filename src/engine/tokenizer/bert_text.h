// Text as the words that BERT's WordPiece cuts: cleaned, accents stripped, lowered, Chinese and punctuation set apart.
//
// Source: BasicTokenizer of Devlin et al., 2018, as BertNormalizer and BertPreTokenizer of Hugging Face `tokenizers`
// 0.23 do it, whose character tables (several versions of Unicode) are in generated/bert_classes.inc. Pure functions
// over immutable tables: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/formats/hf_wordpiece.h"

namespace studio::engine {

// Cuts a text word by word. Invalid UTF-8 counts as U+FFFD. Time is linear in the text.
class BertWords {
 public:
  BertWords(std::string_view text, const BertTextRules& rules) : text_(text), rules_(rules) {}

  // The next word, and how many characters it has; false at the end. The view lives until the next call.
  bool next(std::string_view& word, size_t& characters);

 private:
  bool next_stretch();
  void normalise_stretch();

  std::string_view text_;
  const BertTextRules& rules_;
  size_t at_ = 0;           // in text_
  std::string stretch_;     // what lies between two spaces, normalised
  std::string decomposed_;  // scratch
  size_t stretch_at_ = 0;   // of stretch_ the words before were cut
};

}  // namespace studio::engine
