// Text to ids by BERT's WordPiece: each word is the longest token that begins it, then the longest that goes on, ...
//
// Ids equal those of Hugging Face `tokenizers` for text that spells no control token: "[SEP]" in a text is five
// characters here, as all text is a caller's.
// Source: Wu et al., 2016; greedy longest match as in Devlin et al., 2018.
// Immutable: share one between threads. Time is linear in the text: a word costs at most its bytes times the longest
// token's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/hf_wordpiece.h"
#include "engine/tensor/token.h"
#include "engine/tokenizer/token_tree.h"

namespace studio::engine {

class WordPiece {
 public:
  // From the text of a Hugging Face tokenizer.json. Errors: those of HfWordPiece.
  static Result<std::shared_ptr<const WordPiece>> from_json(std::string_view json);

  // The ids of a text alone.
  std::vector<TokenId> encode(std::string_view text) const;
  // With what the model wants around it: [CLS] ... [SEP].
  std::vector<TokenId> encode_for_model(std::string_view text) const;

  // What stands before a text, after it, and between the two of a pair.
  const std::vector<TokenId>& before() const { return data_.before; }
  const std::vector<TokenId>& after() const { return data_.after; }
  const std::optional<std::vector<TokenId>>& between() const { return data_.between; }

  int vocab_size() const { return static_cast<int>(data_.tokens.size()); }
  std::string_view token(TokenId id) const;  // empty outside the vocabulary

 private:
  explicit WordPiece(HfWordPiece data);
  void add_word(std::string_view word, std::vector<TokenId>& ids) const;

  HfWordPiece data_;
  TokenTree starts_, continues_;  // tokens that begin a word, and those inside one, without their prefix
};

}  // namespace studio::engine
