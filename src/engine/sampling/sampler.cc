#include "engine/sampling/sampler.h"

#include <algorithm>

#include "engine/sampling/natural_log.h"
#include "engine/sampling/philox.h"

namespace studio::engine {
namespace {

// Up to this many tokens are cut out of the vocabulary and sorted; beyond it a histogram finds the boundary. The
// nucleus of real text at top_p 0.95 holds 1 to 100 tokens.
constexpr int kFewCandidates = 256;
// Adjusted logits and 1 / temperature stay under this, so that no later step can make an infinity of them.
constexpr float kLargest = 1e30f;

// floor(random / 2^64 * total): where the draw lands in [0, total).
int64_t landing_point(uint64_t random, int64_t total) {
  return static_cast<int64_t>(static_cast<unsigned __int128>(random) * static_cast<uint64_t>(total) >> 64);
}

Error not_finite() {
  return Error(Code::kInternal, "the model produced a logit that is not a finite number");
}

// The first `count` in order, sorted; all of them if there are fewer.
void sort_first(std::vector<Candidate>& candidates, size_t count) {
  if (candidates.size() > count) {
    std::nth_element(candidates.begin(), candidates.begin() + static_cast<ptrdiff_t>(count), candidates.end());
    candidates.resize(count);
  }
  std::sort(candidates.begin(), candidates.end());
}

}  // namespace

Sampler::Sampler(int vocab_size)
    : vocab_size_(vocab_size),
      block_max_(static_cast<size_t>(vocab_blocks(vocab_size))),
      weights_(static_cast<size_t>(vocab_blocks(vocab_size)) * kVocabBlock),
      block_sums_(static_cast<size_t>(vocab_blocks(vocab_size))) {}

Result<SampledToken> Sampler::sample(std::span<float> logits, const SamplingParams& params, const TokenHistory& history,
                                     uint64_t position) {
  if (params.logprobs) STUDIO_CHECK_OK(report_logprobs(logits, params));
  adjust(logits, params, history);
  auto id = choose(logits, params, position);
  restore(logits);
  if (!id.ok()) return std::move(id).error();
  SampledToken token{*id, 0, {}};
  if (params.logprobs) {
    token.logprob = static_cast<float>((logits[static_cast<size_t>(*id)] - raw_max_) - log_sum_);
    token.top_logprobs = std::move(top_);
  }
  return token;
}

Result<SampledToken> Sampler::score(std::span<float> logits, const SamplingParams& params, TokenId id) {
  SampledToken token{id, 0, {}};
  if (!params.logprobs) return token;
  STUDIO_CHECK_OK(report_logprobs(logits, params));
  token.logprob = static_cast<float>((logits[static_cast<size_t>(id)] - raw_max_) - log_sum_);
  token.top_logprobs = std::move(top_);
  return token;
}

Status Sampler::report_logprobs(std::span<const float> logits, const SamplingParams& params) {
  const VocabPasses& passes = vocab_passes();
  const auto [max, finite] = passes.find_max(logits.data(), vocab_size_, block_max_.data());
  if (!finite) return not_finite();
  const int64_t total = passes.exponentials(logits.data(), vocab_size_, max, 1.0f, weights_.data(), block_sums_.data());
  raw_max_ = max;
  log_sum_ = natural_log(static_cast<double>(total) / static_cast<double>(kFullWeight));
  top_.clear();
  if (params.top_logprobs == 0) return Ok{};
  const VocabRow row{logits, block_max_, max, 1.0f};
  gather_first(row, params.top_logprobs, scratch_, candidates_);
  sort_first(candidates_, static_cast<size_t>(params.top_logprobs));
  for (const Candidate& c : candidates_) {
    top_.push_back({c.id, static_cast<float>((c.logit - raw_max_) - log_sum_)});
  }
  return Ok{};
}

void Sampler::adjust(std::span<float> logits, const SamplingParams& params, const TokenHistory& history) {
  originals_.clear();
  const auto change = [&](TokenId id, float value) {
    float& logit = logits[static_cast<size_t>(id)];
    originals_.emplace_back(id, logit);
    if (value == value) logit = std::clamp(value, -kLargest, kLargest);  // a NaN row is found by choose()
  };
  for (const auto& [id, bias] : params.logit_bias) change(id, logits[static_cast<size_t>(id)] + bias);
  if (!uses_history(params)) return;
  for (const auto& [id, produced] : history.seen()) {
    float logit = logits[static_cast<size_t>(id)];
    logit = logit > 0 ? logit / params.repetition_penalty : logit * params.repetition_penalty;
    if (produced > 0) {
      logit = (logit - params.presence_penalty) - params.frequency_penalty * static_cast<float>(produced);
    }
    change(id, logit);
  }
}

void Sampler::restore(std::span<float> logits) {
  for (auto it = originals_.rbegin(); it != originals_.rend(); ++it) {
    logits[static_cast<size_t>(it->first)] = it->second;
  }
}

Result<TokenId> Sampler::choose(std::span<const float> logits, const SamplingParams& params, uint64_t position) {
  const VocabPasses& passes = vocab_passes();
  const auto [max, finite] = passes.find_max(logits.data(), vocab_size_, block_max_.data());
  if (!finite) return not_finite();
  if (params.temperature == 0) return first_of_max(logits, max);

  const VocabRow row{logits, block_max_, max, std::min(1.0f / params.temperature, kLargest)};
  const uint64_t random = random_bits(params.seed, params.stream, position);
  const int top_k = params.top_k < vocab_size_ ? params.top_k : 0;
  if (keep_few(row, params, top_k)) return draw_from_candidates(random);

  int64_t total = passes.exponentials(logits.data(), vocab_size_, max, row.inverse_temperature, weights_.data(),
                                      block_sums_.data());
  Boundary boundary;
  if (top_k > 0 || params.top_p < 1) {
    boundary = find_boundary(row, weights_, total, top_k, params.top_p, boundary_scratch_);
  }
  if (top_k > 0 || params.top_p < 1 || params.min_p > 0) {
    const auto least = static_cast<int64_t>(static_cast<double>(params.min_p) * static_cast<double>(kFullWeight));
    total = passes.drop_and_sum(logits.data(), vocab_size_, boundary.logit, boundary.id, least, weights_.data(),
                                block_sums_.data());
  }
  return draw_from_blocks(random, total);
}

TokenId Sampler::first_of_max(std::span<const float> logits, float max) const {
  const auto block = std::find(block_max_.begin(), block_max_.end(), max) - block_max_.begin();
  const auto first = std::find(logits.begin() + block * kVocabBlock, logits.end(), max);
  return static_cast<TokenId>(first - logits.begin());
}

// Leaves the kept tokens in candidates_, by rising id, when a sorted beginning of kFewCandidates tokens holds them all.
bool Sampler::keep_few(const VocabRow& row, const SamplingParams& params, int top_k) {
  const bool few_by_k = top_k > 0 && top_k <= kFewCandidates;
  if (!few_by_k && (top_k > 0 || params.top_p == 1)) return false;
  int64_t total = 0;
  gather_first(row, few_by_k ? top_k : kFewCandidates, scratch_, candidates_);
  sort_first(candidates_, static_cast<size_t>(few_by_k ? top_k : kFewCandidates));
  for (Candidate& c : candidates_) {
    c.weight = weight_units(sampling_weight(c.logit, row.max, row.inverse_temperature));
    total += c.weight;
  }
  if (!few_by_k) {  // top_p counts the whole vocabulary's weight
    total = vocab_passes().exponentials(row.logits.data(), vocab_size_, row.max, row.inverse_temperature,
                                        weights_.data(), block_sums_.data());
  }
  if (params.top_p < 1) {
    const int64_t target = top_p_target(params.top_p, total);
    int64_t reached = 0;
    size_t kept = 0;
    while (kept < candidates_.size() && reached < target) reached += candidates_[kept++].weight;
    if (reached < target) return false;  // a flat row: the nucleus reaches past the few
    candidates_.resize(kept);
  }
  const auto least = static_cast<int64_t>(static_cast<double>(params.min_p) * static_cast<double>(kFullWeight));
  std::erase_if(candidates_, [least](const Candidate& c) { return c.weight < least; });
  std::sort(candidates_.begin(), candidates_.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return true;
}

TokenId Sampler::draw_from_candidates(uint64_t random) const {
  int64_t total = 0;
  for (const Candidate& c : candidates_) total += c.weight;
  int64_t left = landing_point(random, total);
  for (const Candidate& c : candidates_) {
    if (left < c.weight) return c.id;
    left -= c.weight;
  }
  return candidates_.back().id;  // not reached: the landing point is under the total
}

TokenId Sampler::draw_from_blocks(uint64_t random, int64_t total) const {
  int64_t left = landing_point(random, total);
  size_t block = 0;
  while (left >= block_sums_[block]) left -= block_sums_[block++];
  size_t id = block * kVocabBlock;
  while (true) {
    const int64_t units = weight_units(weights_[id]);
    if (left < units) return static_cast<TokenId>(id);
    left -= units;
    ++id;
  }
}

}  // namespace studio::engine
