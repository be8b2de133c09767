#include "inference/lifetime_stats.h"

#include <gtest/gtest.h>

namespace studio::inference {
namespace {

engine::EngineStats after(uint64_t steps, int running) {
  engine::EngineStats stats;
  stats.steps = steps;
  stats.running = running;
  stats.generated_tokens = 2 * steps;
  stats.drafted_tokens = 3 * steps;
  stats.accepted_tokens = steps;
  stats.draft_passes = 4 * steps;
  stats.longest_starved_steps = steps;
  for (uint64_t i = 0; i < steps; ++i) stats.batch_sizes.add(engine::kBatchSizeBounds, 2);
  return stats;
}

TEST(LifetimeStats, CountsGoOnOverTheLivesOfAWorker) {
  LifetimeStats stats;
  for (uint64_t steps : {3, 10, 2, 5, 1}) stats.take(after(steps, static_cast<int>(steps)));
  engine::EngineStats total = stats.total();
  EXPECT_EQ(total.steps, 10U + 5U + 1U);
  EXPECT_EQ(total.generated_tokens, 32U);
  EXPECT_EQ(total.drafted_tokens, 48U);
  EXPECT_EQ(total.accepted_tokens, 16U);
  EXPECT_EQ(total.draft_passes, 64U);
  EXPECT_EQ(total.batch_sizes.count(), 16U);
  EXPECT_EQ(total.batch_sizes.sum, 32);
  EXPECT_EQ(total.longest_starved_steps, 10U);
  EXPECT_EQ(total.running, 1);  // as it is now
}

}  // namespace
}  // namespace studio::inference
