#include "engine/sampling/sampler.h"

#include <algorithm>
#include <bit>

#include "engine/sampling/natural_log.h"
#include "engine/sampling/philox.h"

namespace studio::engine {
namespace {

// Up to this top_k the tokens are listed; beyond it a histogram finds the last one kept.
constexpr int kFewCandidates = 256;
// Adjusted logits and 1 / temperature stay under this, so that no later step can make an infinity of them.
constexpr float kLargest = 1e30f;
// Of a token that was refused, before what is allowed is listed: that costs as much as dozens of them, and what is
// as unlikely as one in ten is found in nearly all cases.
constexpr uint32_t kMostRedraws = 32;

// floor(random / 2^64 * total): where the draw lands in [0, total).
int64_t landing_point(uint64_t random, int64_t total) {
  return static_cast<int64_t>(static_cast<unsigned __int128>(random) * static_cast<uint64_t>(total) >> 64);
}

Error not_finite() {
  return Error(Code::kInternal, "the model produced a logit that is not a finite number");
}

}  // namespace

Sampler::Sampler(int vocab_size)
    : vocab_size_(vocab_size),
      block_max_(static_cast<size_t>(vocab_blocks(vocab_size))),
      block_sums_(static_cast<size_t>(vocab_blocks(vocab_size))),
      scratch_(vocab_size) {}

Result<SampledToken> Sampler::sample(std::span<float> logits, const SamplingParams& params, const TokenHistory& history,
                                     uint64_t position, TokenFilter* filter) {
  if (params.logprobs) STUDIO_CHECK_OK(report_logprobs(logits, params));
  adjust(logits, params, history);
  auto id = filter == nullptr ? choose(logits, params, random_bits(params.seed, params.stream, position))
                              : choose_allowed(logits, params, position, *filter);
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
  const VocabRow row{logits.data(), vocab_size_, block_max_.data(), max, 1.0f};
  const int64_t total = passes.weigh(row, block_sums_.data());
  raw_max_ = max;
  log_sum_ = natural_log(static_cast<double>(total) / static_cast<double>(kFullWeight));
  top_.clear();
  if (params.top_logprobs == 0) return Ok{};
  list_first(row, params.top_logprobs, scratch_, candidates_);
  std::sort(candidates_.begin(), candidates_.end());
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

Result<TokenId> Sampler::choose_allowed(std::span<const float> logits, const SamplingParams& params, uint64_t position,
                                        TokenFilter& filter) {
  const uint64_t first = random_bits(params.seed, params.stream, position);
  const bool is_greedy = params.temperature == 0;
  const bool is_truncated = !is_greedy && (params.top_k > 0 || params.top_p < 1 || params.min_p > 0);
  if (!is_truncated || are_first_allowed(logits, params, filter)) {
    auto id = choose(logits, params, first);
    if (!id.ok() || is_truncated || filter.allows(*id)) return id;
    // Each of them has the chances of what is allowed among itself, so the first that may come has them too.
    for (uint32_t again = 1; !is_greedy && again <= kMostRedraws; ++again) {
      const uint64_t random = random_bits(params.seed, params.stream, position, again);
      const TokenId other = draw_from_blocks(*drawn_row_, Kept(), random, drawn_total_);
      if (filter.allows(other)) return other;
    }
  }
  if (!mask_out(logits, filter.mask())) {
    return Error(Code::kFailedPrecondition,
                 "nothing may follow here: the form of the answer nests too deep, or takes too much to be held to");
  }
  const uint64_t last = random_bits(params.seed, params.stream, position, kMostRedraws + 1);
  return choose(masked_, params, is_truncated ? first : last);
}

// Whether the top_k tokens, which all further truncation looks at, would be the same of the allowed ones alone.
bool Sampler::are_first_allowed(std::span<const float> logits, const SamplingParams& params, TokenFilter& filter) {
  if (params.top_k == 0 || params.top_k > kFewCandidates || params.top_k >= vocab_size_) return false;
  const auto [max, finite] = vocab_passes().find_max(logits.data(), vocab_size_, block_max_.data());
  if (!finite) return true;  // choose() says so
  const VocabRow row{logits.data(), vocab_size_, block_max_.data(), max, 1.0f};
  list_first(row, params.top_k, scratch_, candidates_);
  return std::ranges::all_of(candidates_, [&filter](const Candidate& c) { return filter.allows(c.id); });
}

// masked_ is the row with the lowest of logits where the mask has no bit. False where it has none.
bool Sampler::mask_out(std::span<const float> logits, std::span<const uint64_t> mask) {
  masked_.assign(logits.size(), -kLargest);
  bool any = false;
  for (size_t word = 0; word < mask.size() && word * 64 < logits.size(); ++word) {
    const size_t begin = word * 64, count = std::min<size_t>(64, logits.size() - begin);
    uint64_t bits = mask[word];
    if (count < 64) bits &= (uint64_t{1} << count) - 1;
    any |= bits != 0;
    if (bits == ~uint64_t{0}) {
      std::copy_n(logits.data() + begin, 64, masked_.data() + begin);
      continue;
    }
    for (; bits != 0; bits &= bits - 1) {
      const size_t id = begin + static_cast<size_t>(std::countr_zero(bits));
      masked_[id] = logits[id];
    }
  }
  return any;
}

Result<TokenId> Sampler::choose(std::span<const float> logits, const SamplingParams& params, uint64_t random) {
  const VocabPasses& passes = vocab_passes();
  const auto [max, finite] = passes.find_max(logits.data(), vocab_size_, block_max_.data());
  if (!finite) return not_finite();
  if (params.temperature == 0) return first_of_max(logits, max);

  const float inverse_temperature = std::min(1.0f / params.temperature, kLargest);
  const VocabRow row{logits.data(), vocab_size_, block_max_.data(), max, inverse_temperature};
  const int top_k = params.top_k < vocab_size_ ? params.top_k : 0;
  int64_t total = 0;  // of the whole row: top_k alone and min_p alone never ask for it
  if (top_k == 0 && (params.top_p < 1 || params.min_p == 0)) total = passes.weigh(row, block_sums_.data());
  if (list_few(row, params, top_k, total)) return draw_from_candidates(random);

  Kept kept;
  if (top_k > 0 || params.top_p < 1) find_last_kept(row, total, top_k, params.top_p, scratch_, kept);
  if (params.min_p > 0) keep_min_p(params.min_p, kept);
  if (top_k > 0 || params.top_p < 1 || params.min_p > 0) total = passes.weigh_kept(row, kept, block_sums_.data());
  drawn_row_ = row;
  drawn_total_ = total;
  return draw_from_blocks(row, kept, random, total);
}

TokenId Sampler::first_of_max(std::span<const float> logits, float max) const {
  const auto block = std::find(block_max_.begin(), block_max_.end(), max) - block_max_.begin();
  const auto first = std::find(logits.begin() + block * kVocabBlock, logits.end(), max);
  return static_cast<TokenId>(first - logits.begin());
}

// Leaves the kept tokens in candidates_, by rising id, where they are few enough to be listed.
bool Sampler::list_few(const VocabRow& row, const SamplingParams& params, int top_k, int64_t total) {
  if (top_k > kFewCandidates || (top_k == 0 && params.top_p == 1)) return false;
  if (top_k > 0) {
    total = list_first(row, top_k, scratch_, candidates_);  // top_p counts the weight of what top_k left
    if (params.top_p < 1) keep_nucleus(top_p_target(params.top_p, total), scratch_, candidates_);
  } else if (!list_nucleus(row, top_p_target(params.top_p, total), scratch_, candidates_)) {
    return false;
  }
  Kept heavy;
  keep_min_p(params.min_p, heavy);
  std::erase_if(candidates_, [&heavy](const Candidate& c) { return c.weight < heavy.min_weight; });
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

TokenId Sampler::draw_from_blocks(const VocabRow& row, const Kept& kept, uint64_t random, int64_t total) const {
  int64_t left = landing_point(random, total);
  size_t block = 0;
  while (left >= block_sums_[block]) left -= block_sums_[block++];
  auto id = static_cast<TokenId>(block) * kVocabBlock;
  while (true) {
    const int64_t units = kept_weight(row, kept, id);
    if (left < units) return id;
    left -= units;
    ++id;
  }
}

}  // namespace studio::engine
