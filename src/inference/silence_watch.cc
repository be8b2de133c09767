#include "inference/silence_watch.h"

#include "engine/kv/page_pool.h"
#include "engine/schedule/scheduler.h"

namespace studio::inference {
namespace {

// All the positions that fit into the pages, computed in the smallest pieces: more steps than any prompt waits for
// while nobody else does.
uint64_t steps_of_all_prompts(const engine::EngineStats& stats) {
  const auto positions = static_cast<uint64_t>(stats.pages_total) * engine::kPageTokens;
  return positions / engine::kChunkBesideDecodes + kStepsWithoutToken;
}

}  // namespace

std::optional<std::string> SilenceWatch::beat(const engine::EngineStats& stats, bool is_taken, uint64_t tokens) {
  if (beats_ < 0 || is_taken != is_taken_ || tokens != tokens_) {
    *this = SilenceWatch();
    tokens_ = tokens;
    is_taken_ = is_taken;
    beats_ = 0;
    steps_ = stats.steps;
    preemptions_ = stats.preemptions;
    return std::nullopt;
  }
  ++beats_;
  idle_beats_ = stats.running + stats.waiting == 0 ? idle_beats_ + 1 : 0;
  was_full_ = was_full_ || stats.waiting > 0;
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
  if (tokens_ == 0 && !was_full_ && steps >= steps_of_all_prompts(stats)) {
    return "the engine goes on and the stream's prompt is never done";
  }
  return std::nullopt;
}

}  // namespace studio::inference
