// Which tokens a sequence has seen and how often it produced them: all that penalties need.
//
// A function of the ids alone, so a resumed sequence builds the same history. Not thread-safe.
#pragma once

#include <span>
#include <unordered_map>

#include "engine/sampling/params.h"

namespace studio::engine {

class TokenHistory {
 public:
  void add_prompt(std::span<const TokenId> ids) {
    for (const TokenId id : ids) seen_.try_emplace(id, 0);
  }
  void add_output(TokenId id) { ++seen_[id]; }

  // id -> times produced; 0 for a token of the prompt alone.
  const std::unordered_map<TokenId, int>& seen() const { return seen_; }

 private:
  std::unordered_map<TokenId, int> seen_;
};

// False: the parameters never look at a history, so none need be kept.
inline bool uses_history(const SamplingParams& p) {
  return p.repetition_penalty != 1 || p.presence_penalty != 0 || p.frequency_penalty != 0;
}

}  // namespace studio::engine
