// What a request may ask of the sampler. Ranges are checked at the API's edge and again by validate().
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/tensor/token.h"

namespace studio::engine {

inline constexpr int kMaxTopLogprobs = 20;  // OpenAI's completions and chat limit
inline constexpr int kMaxLogitBias = 1024;  // entries; each costs a touch of the logits per token

struct SamplingParams {
  float temperature = 1.0f;         // [0, 2); 0 is greedy
  int top_k = 0;                    // 0: all
  float top_p = 1.0f;               // (0, 1]
  float min_p = 0.0f;               // [0, 1]
  float repetition_penalty = 1.0f;  // > 0; over the prompt and the output
  float presence_penalty = 0.0f;    // [-2, 2]; over the output
  float frequency_penalty = 0.0f;   // [-2, 2]; over the output
  std::vector<std::pair<TokenId, float>> logit_bias;
  uint64_t seed = 0;      // with `stream`, the Philox key; the position is the counter
  uint32_t stream = 0;    // index of the choice, so that n choices of one seed differ
  bool logprobs = false;  // report the logprob of each produced token
  int top_logprobs = 0;   // 0 .. kMaxTopLogprobs alternatives beside it
};

// out_of_range naming the field (also in Error::param) when a value is outside the ranges above.
Status validate(const SamplingParams& params, int vocab_size);

struct TopLogprob {
  TokenId id;
  float logprob;
};

}  // namespace studio::engine
