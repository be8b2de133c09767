#include "inference/silence_watch.h"

#include <algorithm>

#include "engine/kernels/kernel_set.h"

namespace studio::inference {
namespace {

// A prompt's share is counted in cost, and a token at the end of a long context costs a dozen times one at its start.
constexpr uint64_t kDeepestCost = 16;
// Of what its tenant computes the oldest prompt has half.
constexpr uint64_t kTwice = 2;

}  // namespace

bool SilenceWatch::is_prompt_forgotten(const engine::EngineStats& stats) const {
  const uint64_t steps = stats.steps - steps_, tokens = stats.prompt_tokens - prompt_tokens_;
  if (steps < kStepsWithoutToken) return false;
  if (tokens < steps) return true;  // this one's could have been among them
  // With a weight of 1 among all, and a prompt as long as all pages.
  const auto positions = static_cast<uint64_t>(stats.pages_total) * engine::kPageTokens;
  return tokens >= kTwice * kDeepestCost * static_cast<uint64_t>(weights_) * positions;
}

std::optional<std::string> SilenceWatch::beat(const engine::EngineStats& stats, bool is_taken, uint64_t tokens) {
  if (beats_ < 0 || is_taken != is_taken_ || tokens != tokens_) {
    *this = SilenceWatch();
    tokens_ = tokens;
    is_taken_ = is_taken;
    beats_ = 0;
    steps_ = stats.steps;
    preemptions_ = stats.preemptions;
    prompt_tokens_ = stats.prompt_tokens;
    return std::nullopt;
  }
  ++beats_;
  idle_beats_ = stats.running + stats.waiting == 0 ? idle_beats_ + 1 : 0;
  was_full_ = was_full_ || stats.waiting > 0;
  weights_ = std::max(weights_, stats.tenant_weights);
  if (!is_taken_) {
    if (beats_ >= kUntakenBeats) return "the request is not taken";
    return std::nullopt;
  }
  if (beats_ < kQuietBeats) return std::nullopt;
  if (idle_beats_ >= kQuietBeats) return "the engine has nothing to do and the stream has no end";
  const uint64_t steps = stats.steps - steps_;
  if (tokens_ > 0 && stats.preemptions == preemptions_ && steps >= kStepsWithoutToken) {
    return "the engine goes on and the stream gets no token";
  }
  if (tokens_ == 0 && !was_full_ && is_prompt_forgotten(stats)) {
    return "the engine goes on and the stream's prompt is never done";
  }
  return std::nullopt;
}

}  // namespace studio::inference
