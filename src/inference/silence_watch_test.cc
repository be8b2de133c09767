#include "inference/silence_watch.h"

#include <gtest/gtest.h>

namespace studio::inference {
namespace {

engine::EngineStats working(uint64_t steps, int waiting = 0) {
  engine::EngineStats stats;
  stats.running = 2;
  stats.waiting = waiting;
  stats.pages_total = 400;  // 6,400 positions
  stats.steps = steps;
  return stats;
}

TEST(SilenceWatch, MissesATokenWhileTheEngineGoesOn) {
  SilenceWatch watch;
  int beats = 0;
  while (!watch.beat(working(static_cast<uint64_t>(beats) * 50), true, 3) && beats < 100) ++beats;
  EXPECT_EQ(beats, kQuietBeats);
}

TEST(SilenceWatch, HasPatienceWithAnEngineThatIsSlow) {
  SilenceWatch watch;
  for (int beat = 0; beat < 1000; ++beat) EXPECT_FALSE(watch.beat(working(static_cast<uint64_t>(beat / 100)), true, 3));
}

TEST(SilenceWatch, KnowsThatASequenceMayLoseItsPages) {
  SilenceWatch watch;
  EXPECT_FALSE(watch.beat(working(0), true, 3));
  for (uint64_t beat = 1; beat < 100; ++beat) {
    engine::EngineStats stats = working(beat * 50, 1);
    stats.preemptions = 1;
    EXPECT_FALSE(watch.beat(stats, true, 3));
  }
}

TEST(SilenceWatch, MissesAPromptWhileStepsComputeNone) {
  SilenceWatch watch, queued;
  uint64_t steps = 0;
  while (!watch.beat(working(steps), true, 0) && steps < 1000) ++steps;
  EXPECT_EQ(steps, kStepsWithoutToken);
  for (steps = 0; steps < 1000; ++steps) EXPECT_FALSE(queued.beat(working(steps, 1), true, 0));
}

TEST(SilenceWatch, LetsOtherPromptsHaveTheirShareBesideAPrompt) {
  for (const int weights : {1, 5}) {
    SilenceWatch watch;
    engine::EngineStats stats = working(0);
    stats.tenant_weights = weights;
    while (!watch.beat(stats, true, 0) && stats.steps < 10'000'000) {
      stats.steps += 10;
      stats.prompt_tokens += 160;
    }
    EXPECT_EQ(stats.prompt_tokens, 2U * 16 * static_cast<uint64_t>(weights) * 6400);
  }
}

TEST(SilenceWatch, MissesAnEndAndAnAcceptance) {
  SilenceWatch endless, untaken;
  int beats = 0;
  while (!endless.beat({}, true, 5) && beats < 100) ++beats;
  EXPECT_EQ(beats, kQuietBeats);
  beats = 0;
  while (!untaken.beat({}, false, 0) && beats < 100) ++beats;
  EXPECT_EQ(beats, kUntakenBeats);
}

TEST(SilenceWatch, StartsAnewWithEveryToken) {
  SilenceWatch watch;
  for (uint64_t beat = 0; beat < 1000; ++beat) EXPECT_FALSE(watch.beat(working(beat * 20), true, 1 + beat / 7));
}

}  // namespace
}  // namespace studio::inference
