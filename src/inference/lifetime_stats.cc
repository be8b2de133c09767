#include "inference/lifetime_stats.h"

#include <algorithm>

namespace studio::inference {
namespace {

template <size_t N>
void add(BucketCounts<N>& sum, const BucketCounts<N>& more) {
  for (size_t i = 0; i < sum.counts.size(); ++i) sum.counts[i] += more.counts[i];
  sum.sum += more.sum;
}

}  // namespace

void add_counts(engine::EngineStats& sum, const engine::EngineStats& more) {
  sum.steps += more.steps;
  sum.prompt_tokens += more.prompt_tokens;
  sum.generated_tokens += more.generated_tokens;
  sum.cached_tokens += more.cached_tokens;
  sum.prefills += more.prefills;
  sum.whole_prompts += more.whole_prompts;
  sum.pages_restored += more.pages_restored;
  sum.drafted_tokens += more.drafted_tokens;
  sum.accepted_tokens += more.accepted_tokens;
  sum.draft_passes += more.draft_passes;
  sum.preemptions += more.preemptions;
  sum.longest_starved_steps = std::max(sum.longest_starved_steps, more.longest_starved_steps);
  add(sum.batch_sizes, more.batch_sizes);
  add(sum.step_seconds, more.step_seconds);
  add(sum.constraint_seconds, more.constraint_seconds);
  add(sum.queue_seconds, more.queue_seconds);
}

void LifetimeStats::take(const engine::EngineStats& fresh) {
  if (fresh.steps < latest_.steps || fresh.generated_tokens < latest_.generated_tokens) add_counts(past_, latest_);
  latest_ = fresh;
}

engine::EngineStats LifetimeStats::total() const {
  engine::EngineStats total = latest_;
  add_counts(total, past_);
  return total;
}

}  // namespace studio::inference
