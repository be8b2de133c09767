#include "engine/speculation/draft_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace studio::engine {
namespace {

// A machine on which each column more costs `share` of a pass of one.
PassCost cost_of(double share) {
  PassCost cost;
  for (int i = 0; i < 400; ++i) {
    const int columns = 1 + i % 16;
    cost.note(columns, 0.01 * (1 + share * (columns - 1)));
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

TEST(PassCost, FindsTheSlopeOfTheMachine) {
  for (const double share : {0.02, 0.14, 0.4}) EXPECT_NEAR(cost_of(share).slope(), share, 0.005);
  PassCost cost = cost_of(0.02);
  for (int i = 0; i < 300; ++i) cost.note(1 + i % 12, 0.02 * (1 + 0.3 * (i % 12)));  // the machine is another now
  EXPECT_NEAR(cost.slope(), 0.3, 0.02);
}

TEST(PassCost, KeepsItsSlopeThroughNoiseAndSameness) {
  PassCost cost;
  EXPECT_EQ(cost.slope(), PassCost::kFirstSlope);
  for (int i = 0; i < 1000; ++i) cost.note(1, 0.01);
  EXPECT_NEAR(cost.slope(), PassCost::kFirstSlope, 0.05) << "passes alike tell nothing of others";
  cost = cost_of(0.1);
  for (int i = 0; i < 100; ++i) cost.note(i % 10 == 0 ? 2 : 1 + i % 8, i % 10 == 0 ? 5.0 : 0.01 + 0.001 * (i % 8));
  EXPECT_NEAR(cost.slope(), 0.1, 0.03);
  for (const double seconds : {0.0, -1.0, 1e9, 1e-12}) cost.note(1, seconds);
  EXPECT_GE(cost.slope(), PassCost::kLeastSlope);
  EXPECT_LE(cost.slope(), PassCost::kMostSlope);
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

TEST(DraftPlan, AFullBatchTakesNone) {
  const PassCost cost = cost_of(0.1);
  EXPECT_GT(taken(2, 0.9f, cost, 2), 0);
  EXPECT_EQ(taken(16, 0.6f, cost, 16), 0);
  EXPECT_EQ(taken(32, 1.0f, cost, 32), 0);
  EXPECT_EQ(taken(4, 1.0f, cost, 64), 0) << "a prompt's piece fills the step";
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
