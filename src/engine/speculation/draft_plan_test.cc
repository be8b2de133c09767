#include "engine/speculation/draft_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace studio::engine {
namespace {

// A machine on which each column more costs `share` of a pass of one, and so much more behind a tile of sixteen.
double pass(int columns, double share, double tile = 0) {
  return 1 + share * (columns - 1) + (columns > 16 ? tile : 0);
}

PassCost cost_of(double share, double tile = 0) {
  PassCost cost;
  for (int i = 0; i < 1280; ++i) {
    const int columns = 1 + i % kMostColumns;
    cost.note(columns, 0.01 * pass(columns, share, tile));
  }
  return cost;
}

int taken(int sequences, float chance, const PassCost& cost, int columns) {
  const std::vector<float> chances(31, chance);
  std::vector<DraftOffer> offers(static_cast<size_t>(sequences), DraftOffer{.chances = chances, .most = 31});
  plan_drafts(offers, columns, cost);
  int sum = 0;
  for (const DraftOffer& offer : offers) sum += offer.taken;
  return sum;
}

void expect_curve(const PassCost& cost, double share, double tile, double within) {
  for (int columns = 1; columns <= kMostColumns; ++columns) {
    EXPECT_NEAR(cost.of(columns) / pass(columns, share, tile), 1, within) << columns << " columns at " << share;
  }
}

TEST(PassCost, FindsTheCurveOfTheMachine) {
  for (const double share : {0.01, 0.05, 0.14}) expect_curve(cost_of(share), share, 0, 0.05);
  for (const double share : {0.5, 1.0}) expect_curve(cost_of(share), share, 0, 0.12);
  expect_curve(cost_of(0.03, 0.6), 0.03, 0.6, 0.08);
  PassCost cost = cost_of(0.02);
  for (int i = 0; i < 640; ++i) cost.note(1 + i % kMostColumns, 0.02 * pass(1 + i % kMostColumns, 0.3));
  expect_curve(cost, 0.3, 0, 0.15);  // the machine is another now
}

TEST(PassCost, AMachineThatIsTwiceAsSlowHasTheSameCurve) {
  PassCost cost = cost_of(0.05);
  for (int i = 0; i < 20; ++i) cost.note(i % 2 == 0 ? 1 : 12, 0.02 * pass(i % 2 == 0 ? 1 : 12, 0.05));
  expect_curve(cost, 0.05, 0, 0.25);
  EXPECT_NEAR(cost.seconds(), 0.02, 0.002);
}

TEST(PassCost, PassesOfOneColumnTellNothingOfOthers) {
  const PassCost first;
  PassCost cost;
  EXPECT_EQ(cost.seconds(), 0);
  for (int i = 0; i < 1000; ++i) cost.note(1, 0.01 * (1 + i % 3));
  for (int columns = 1; columns <= 2 * kMostColumns; ++columns) EXPECT_EQ(cost.of(columns), first.of(columns));
  EXPECT_NEAR(cost.seconds(), 0.02, 0.01);
}

TEST(PassCost, PassesOfOneSizeTellOfAll) {
  PassCost cost;
  for (int i = 0; i < 200; ++i) cost.note(i % 2 == 0 ? 1 : 8, i % 2 == 0 ? 0.01 : 0.06);
  EXPECT_NEAR(cost.of(8), 6, 0.3);
  EXPECT_GE(cost.of(4), 2.8);
  EXPECT_GE(cost.of(16), cost.of(8));
  EXPECT_GE(cost.of(64), cost.of(32));
}

TEST(PassCost, WhatIsHeldUpOrIsNoTimeCountsForLittle) {
  PassCost cost = cost_of(0.1);
  for (int i = 0; i < 200; ++i) cost.note(1 + i % 8, (i % 10 == 9 ? 5 : 0.01) * pass(1 + i % 8, 0.1));
  expect_curve(cost, 0.1, 0, 0.2);
  const double seconds = cost.seconds(), eight = cost.of(8);
  for (const double none : {0.0, -1.0, std::nan("")}) cost.note(8, none);
  EXPECT_EQ(cost.seconds(), seconds);
  EXPECT_EQ(cost.of(8), eight);
}

TEST(DraftPlan, TakesMoreTheMoreLikelyAndTheCheaper) {
  const PassCost cheap = cost_of(0.03), dear = cost_of(0.15);
  EXPECT_GE(taken(1, 0.98f, cheap, 1), 25);
  EXPECT_GE(taken(1, 0.98f, dear, 1), 10);
  EXPECT_LT(taken(1, 0.7f, dear, 1), taken(1, 0.7f, cheap, 1));
  EXPECT_GT(taken(1, 0.7f, dear, 1), 0);
  EXPECT_EQ(taken(1, 0.1f, dear, 1), 0);
  EXPECT_EQ(taken(1, 0, cheap, 1), 0);
}

TEST(DraftPlan, StaysInATileWhereTheNextCostsMuch) {
  const PassCost cost = cost_of(0.02, 0.8);
  EXPECT_EQ(taken(1, 0.95f, cost, 1), 15);
  EXPECT_EQ(taken(1, 1.0f, cost, 1), 31);
}

TEST(DraftPlan, AFullBatchTakesNone) {
  const PassCost cost = cost_of(0.1);
  EXPECT_GT(taken(2, 0.9f, cost, 2), 0);
  EXPECT_EQ(taken(16, 0.6f, cost, 16), 0);
  EXPECT_EQ(taken(32, 1.0f, cost, 32), 0);
  EXPECT_EQ(taken(4, 1.0f, cost, 64), 0) << "a prompt's piece fills the step";
}

TEST(DraftPlan, WhatIsBelowTheLeastChanceIsNeverTaken) {
  for (const double share : {0.01, 0.05, 0.14, 0.5}) {
    const PassCost cost = cost_of(share, 0.3);
    for (const int columns : {1, 2, 4, 8, 15, 16, 17, 31, 32, 40}) {
      const double least = least_chance(columns, cost);
      const auto below = static_cast<float>(std::min(1.0, least - 0.001));
      if (below > 0) EXPECT_EQ(taken(columns, below, cost, columns), 0) << share << " " << columns;
    }
  }
  EXPECT_LT(least_chance(1, cost_of(0.05)), 0.5);
  EXPECT_GT(least_chance(32, cost_of(0.01)), 1);
}

TEST(DraftPlan, NeverMoreThanMayBeTakenNorThanAStepHolds) {
  const PassCost cost = cost_of(0.01);
  const std::vector<float> sure(31, 1.0f);
  std::vector<DraftOffer> offers = {{.chances = sure, .most = 3}, {.chances = sure, .most = 31}, {}};
  plan_drafts(offers, 3, cost);
  EXPECT_EQ(offers[0].taken, 3);
  EXPECT_EQ(offers[1].taken, kMostColumns - 3 - 3);
  EXPECT_EQ(offers[2].taken, 0);
}

TEST(DraftPlan, TheBestChancesGoFirst) {
  const std::vector<float> likely(31, 0.95f), unlikely(31, 0.4f);
  std::vector<DraftOffer> offers = {{.chances = unlikely, .most = 31}, {.chances = likely, .most = 31}};
  plan_drafts(offers, 2, cost_of(0.1));
  EXPECT_GT(offers[1].taken, 3);
  EXPECT_LE(offers[0].taken, 1);
}

}  // namespace
}  // namespace studio::engine
