// From a row of logits to a token.
//
// Order: logit_bias is added; repetition_penalty divides positive and multiplies negative logits of every token seen;
// presence and frequency penalties are subtracted from tokens produced; temperature; top_k; top_p of what top_k left;
// min_p (of the most likely token's probability); one draw with Philox at (position, stream) under the seed. The draw
// walks the kept tokens by rising id. Temperature 0 takes the largest logit, the lowest id among equals.
// Probabilities are integers (vocab_passes.h) and exp and log are our own: the same row gives the same token on every
// machine. A row with a NaN or an infinity is an internal error.
//
// Held to a TokenFilter, a draw is one of what the filter allows, as if all else had no probability before top_k. The
// whole of what is allowed is asked for only where a single question does not do: without truncation, and for the
// largest logit, a token that is drawn freely and allowed has the right chance already. One that is refused is drawn
// again with a number of its own, a few times freely, which costs little, then of what is allowed. Where all top_k
// tokens are allowed they are the same ones.
//
// Threads: a Sampler is scratch memory for one row at a time; use one per thread. It keeps no state between rows.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/sampling/params.h"
#include "engine/sampling/token_history.h"
#include "engine/sampling/truncation.h"

namespace studio::engine {

struct SampledToken {
  TokenId id = -1;
  float logprob = 0;                     // of the model's distribution: before bias, penalties and temperature
  std::vector<TopLogprob> top_logprobs;  // descending, ties by id; params.top_logprobs of them
};

// Which tokens may come.
class TokenFilter {
 public:
  virtual ~TokenFilter() = default;
  virtual bool allows(TokenId id) = 0;
  // Bit i % 64 of word i / 64 is token i; good until the next call. May be shorter than the vocabulary.
  virtual std::span<const uint64_t> mask() = 0;
};

class Sampler {
 public:
  explicit Sampler(int vocab_size);

  // logits [V] f32: changed while it runs, restored when it returns. `position`: the token's place in the sequence,
  // prompt included. `history` may be empty where uses_history(params) is false. `filter`: null where all may come.
  // Errors besides: failed_precondition where the filter allows nothing.
  Result<SampledToken> sample(std::span<float> logits, const SamplingParams& params, const TokenHistory& history,
                              uint64_t position, TokenFilter* filter = nullptr);

  // The same report for a token that was not drawn (a forced one).
  Result<SampledToken> score(std::span<float> logits, const SamplingParams& params, TokenId id);

 private:
  Status report_logprobs(std::span<const float> logits, const SamplingParams& params);
  void adjust(std::span<float> logits, const SamplingParams& params, const TokenHistory& history);
  void restore(std::span<float> logits);
  Result<TokenId> choose_allowed(std::span<const float> logits, const SamplingParams& params, uint64_t position,
                                 TokenFilter& filter);
  bool are_first_allowed(std::span<const float> logits, const SamplingParams& params, TokenFilter& filter);
  bool mask_out(std::span<const float> logits, std::span<const uint64_t> mask);
  Result<TokenId> choose(std::span<const float> logits, const SamplingParams& params, uint64_t random);
  TokenId first_of_max(std::span<const float> logits, float max) const;
  bool list_few(const VocabRow& row, const SamplingParams& params, int top_k, int64_t total);
  TokenId draw_from_candidates(uint64_t random) const;
  TokenId draw_from_blocks(const VocabRow& row, const Kept& kept, uint64_t random, int64_t total) const;

  int vocab_size_;
  std::vector<float> block_max_;     // [vocab_blocks(V)]
  std::vector<int64_t> block_sums_;  // [vocab_blocks(V)]
  SelectionScratch scratch_;
  std::vector<Candidate> candidates_;
  std::vector<std::pair<TokenId, float>> originals_;  // logits before adjust(), in the order they were changed
  std::vector<TopLogprob> top_;
  std::vector<float> masked_;          // [V] where a filter was used
  std::optional<VocabRow> drawn_row_;  // of the draw from all blocks: another one costs a walk over their sums
  int64_t drawn_total_ = 0;
  double raw_max_ = 0, log_sum_ = 0;  // logprob = logit - raw_max_ - log_sum_
};

}  // namespace studio::engine
