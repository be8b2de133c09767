// The requests of the bit-identity test. Request i is a function of i, the texts and the model's vocabulary alone, so a
// run over fewer requests holds the same ones.
#pragma once

#include <string>
#include <vector>

#include "engine/schedule/engine.h"
#include "engine/tokenizer/tokenizer.h"

namespace studio::bit_identity {

inline constexpr int kMaxPromptTokens = 600;
inline constexpr int kMaxNewTokens = 64;
// What a context must hold for the longest of them.
inline constexpr int kContextTokens = 672;

// `ids`: the texts' tokens, from which prompts are cut; every eighth prompt is of ids drawn from the whole vocabulary.
std::vector<engine::SequenceRequest> make_requests(const std::vector<engine::TokenId>& ids, int vocab, int count);

// Forward passes it takes: prompt and produced tokens.
inline int tokens_of(const engine::SequenceRequest& request) {
  return static_cast<int>(request.prompt.size()) + request.max_new_tokens;
}

}  // namespace studio::bit_identity
