// Text to ids by a unigram of SentencePiece, as XLM-R and multilingual E5 have it: of all ways to cut a word into
// tokens the one whose scores have the largest sum.
//
// Characters are replaced first (full-width forms, ligatures, kinds of space: the model's own table), white space parts
// words and stands before each as U+2581 (of a tokenizer.json as that file says, unigram_text.h). Ids equal those of
// Hugging Face `tokenizers` over the same vocabulary and table; consecutive unknown characters are one unknown token.
// No control token comes out of a text. Source: Kudo, 2018 (subword regularization), section 3.2: Viterbi over token
// scores. Immutable: share one between threads. Time is linear in the text times the longest token.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/model_source.h"
#include "engine/tensor/token.h"
#include "engine/tokenizer/token_tree.h"
#include "engine/tokenizer/unigram_text.h"

namespace studio::engine {

// Keys for the table of characters, which GGUF has no word for (tools/convert_e5.py): character from[i], ascending,
// becomes to[ends[i - 1]] .. to[ends[i] - 1]. Arrays of i32.
inline constexpr std::string_view kUnigramFromKey = "studio.unigram.from", kUnigramEndsKey = "studio.unigram.ends",
                                  kUnigramToKey = "studio.unigram.to";

class Unigram {
 public:
  // From the keys tokenizer.ggml.* of a model whose tokenizer.ggml.model is "t5". corrupt_data or unimplemented naming
  // the key.
  static Result<std::shared_ptr<const Unigram>> from_gguf(const ModelSource& file);
  // From the text of a Hugging Face tokenizer.json. Errors: those of HfUnigram and UnigramText.
  static Result<std::shared_ptr<const Unigram>> from_json(std::string_view json);

  // The ids of a text alone.
  std::vector<TokenId> encode(std::string_view text) const;
  // With what the model wants around it: <s> ... </s>.
  std::vector<TokenId> encode_for_model(std::string_view text) const;

  // Ids around a text, and between the two of a pair. No between: the model takes no pairs.
  const std::vector<TokenId>& before() const { return before_; }
  const std::vector<TokenId>& after() const { return after_; }
  const std::optional<std::vector<TokenId>>& between() const { return between_; }
  int vocab_size() const { return static_cast<int>(scores_.size()); }

 private:
  struct Best;  // of the ways that end at a byte of a word

  Unigram() = default;
  Status read_tokens(const ModelSource& file);
  Status read_characters(const ModelSource& file);
  void append_character(uint32_t code_point, std::string& out) const;
  std::vector<TokenId> encode_by_table(std::string_view text) const;
  void add_word(std::string_view word, std::vector<Best>& best, std::vector<TokenId>& ids) const;

  TokenTree tree_;
  std::vector<double> scores_;  // [V]
  double unknown_score_ = 0;    // of a character that no token spells
  TokenId unknown_ = -1;
  std::vector<TokenId> before_, after_;
  std::optional<std::vector<TokenId>> between_;
  std::shared_ptr<const UnigramText> text_;  // of a tokenizer.json; else the table that follows
  std::vector<uint32_t> from_;               // ascending
  std::vector<std::string> to_;              // [from_] in UTF-8
};

}  // namespace studio::engine
