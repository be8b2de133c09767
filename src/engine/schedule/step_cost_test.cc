#include "engine/schedule/step_cost.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/sampling/philox.h"

namespace studio::engine {
namespace {

// A pass reads the weights in 8 ms, and the arithmetic of 16 units hides behind that.
double machine(double units) {
  return std::max(0.008, units * 0.0005);
}

TEST(StepCost, KnowsNothingAtFirst) {
  const StepCost cost;
  EXPECT_FALSE(cost.is_known());
  EXPECT_EQ(cost.seconds(10), 0);
}

TEST(StepCost, CountsDepthIntoATokensUnits) {
  const StepCost flat, deep(1000);
  EXPECT_EQ(flat.units(100, 5000), 100);
  EXPECT_EQ(flat.tokens_within(100, 5000), 100);
  EXPECT_NEAR(deep.units(1, 1000), 2, 0.01);
  EXPECT_NEAR(deep.units(1000, 0), 1500, 1);  // half of them look back at more than half of them
  for (const int depth : {0, 10, 1000, 30000}) {
    for (const int tokens : {1, 2, 16, 300}) {
      EXPECT_NEAR(deep.tokens_within(deep.units(tokens, depth) + 1e-6, depth), tokens, 0) << depth << ", " << tokens;
      EXPECT_LT(deep.tokens_within(deep.units(tokens, depth) * 0.99, depth), tokens);
    }
  }
  EXPECT_EQ(deep.tokens_within(0, 0), 0);
}

TEST(StepCost, FindsThePieceThatFillsATimeWithinAFewSteps) {
  StepCost cost;
  for (int i = 0; i < 20; ++i) cost.observe(4, machine(4));
  double units = 0;
  for (int i = 0; i < 6; ++i) {
    units = cost.units_within(0.020);
    EXPECT_LE(machine(units), 0.0201) << "no step is longer than asked for on the way";
    cost.observe(units, machine(units));
  }
  EXPECT_NEAR(units, 40, 1);
}

// Under load no step is without prompts: what one would take is told by those that have fewest.
TEST(StepCost, TellsWhatAStepTakesThatIsSmallerThanAnyThatRan) {
  StepCost cost;
  cost.observe(100, 0.0575);
  EXPECT_NEAR(cost.seconds(10), 0.00575, 1e-6) << "of one size nothing is known but that";
  cost.observe(300, 0.1575);  // a pass of 7.5 ms, and half a millisecond for each token
  EXPECT_NEAR(cost.seconds(10), 0.0125, 1e-6);
  EXPECT_NEAR(cost.units_within(0.0125), 10, 1e-6);
  EXPECT_EQ(cost.units_within(0.005), 0);
}

// Two minutes of single tokens, then a prompt: what is known of long pieces must not be the time when all was slow.
TEST(StepCost, ForgetsASlowHourWhenOneSizeIsFastAgain) {
  StepCost cost;
  for (const double units : {4.0, 32.0, 64.0, 512.0}) {
    for (int i = 0; i < 9; ++i) cost.observe(units, 10 * machine(units));
  }
  EXPECT_NEAR(cost.seconds(64), 0.32, 0.01);
  for (int i = 0; i < 60; ++i) cost.observe(4, machine(4));
  for (int i = 0; i < 8; ++i) {
    const double units = cost.units_within(0.020);
    cost.observe(units, machine(units));
  }
  EXPECT_NEAR(cost.units_within(0.020), 40, 4);
}

TEST(StepCost, OneStepThatWasHeldUpChangesLittle) {
  StepCost cost;
  for (int i = 0; i < 20; ++i) cost.observe(4, 0.008);
  cost.observe(4, 5.0);
  EXPECT_LT(cost.seconds(4), 0.014);
  for (int i = 0; i < 100; ++i) cost.observe(4, 0.080);
  EXPECT_NEAR(cost.seconds(4), 0.080, 0.001) << "a machine that stays slow is believed";
}

// Whatever was seen: the curve rises, and no faster than in proportion; and the inverse is one.
TEST(StepCost, StaysACurveThatCanBeAsked) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    auto random = [&, next = uint64_t{0}]() mutable {
      return static_cast<double>(random_bits(seed, 3, next++) % 1000) / 1000;
    };
    StepCost cost;
    for (int i = 0; i < 200; ++i) {
      const double units = std::exp2(random() * 10);
      cost.observe(units, machine(units) * std::exp2(random() * 6 - 3));
    }
    for (double units = 1; units < 2000; units *= 1.3) {
      const double seconds = cost.seconds(units), more = cost.seconds(units * 1.3);
      ASSERT_GE(more, seconds * (1 - 1e-9));
      ASSERT_LE(more, seconds * 1.3 * (1 + 1e-9));
      const double within = cost.units_within(seconds);
      if (within > 0) ASSERT_NEAR(cost.seconds(within), seconds, seconds * 1e-6);
      ASSERT_GE(within * (1 + 1e-9), within > 0 ? units : 0);
    }
  }
}

}  // namespace
}  // namespace studio::engine
