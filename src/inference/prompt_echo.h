// A prompt that is told before its answer: its text, and how likely each of its tokens was.
// One per choice; not thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/schedule/engine.h"
#include "engine/tokenizer/tokenizer.h"
#include "inference/generation.h"

namespace studio::inference {

class PromptEcho {
 public:
  // The tokenizer must outlive it.
  PromptEcho(std::string text, std::vector<engine::TokenId> ids, const engine::Tokenizer* tokenizer)
      : text_(std::move(text)), ids_(std::move(ids)), tokenizer_(tokenizer) {}

  // Of the tokens that follow those it has; more than the prompt has are left out.
  void add(const std::vector<engine::TokenScore>& scores) {
    for (const engine::TokenScore& score : scores) {
      if (scores_.size() + 1 < ids_.size()) scores_.push_back(score);
    }
  }

  const std::string& text() const { return text_; }
  // Of each token; of the first none is known, nor of those that were not added.
  std::vector<TokenLogprob> logprobs() const;

 private:
  const std::string text_;
  const std::vector<engine::TokenId> ids_;
  const engine::Tokenizer* const tokenizer_;
  std::vector<engine::TokenScore> scores_;  // from the second token on
};

}  // namespace studio::inference
