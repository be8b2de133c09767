#include "engine/speculation/past_outputs.h"

#include <gtest/gtest.h>

#include <vector>

namespace studio::engine {
namespace {

std::vector<TokenId> run_of(TokenId first, size_t length) {
  std::vector<TokenId> text;
  for (size_t i = 0; i < length; ++i) text.push_back(first + static_cast<TokenId>(i));
  return text;
}

bool holds(const PastOutputs::View& view, const std::vector<TokenId>& text) {
  for (const auto& automaton : view) {
    if (!automaton) continue;
    SuffixAutomaton::Match match;
    for (const TokenId token : text) match = automaton->advance(match, token);
    if (match.length == static_cast<int32_t>(text.size())) return true;
  }
  return false;
}

TEST(PastOutputs, HoldsWhatWasKeptLast) {
  PastOutputs past;
  EXPECT_EQ(past.of(1), PastOutputs::View{});
  for (TokenId i = 0; i < 100; ++i) past.keep(1, run_of(i * 1000, 600));
  for (TokenId i = 100 - static_cast<TokenId>(PastOutputs::kTextTokens / 601); i < 100; ++i) {
    EXPECT_TRUE(holds(past.of(1), run_of(i * 1000, 600))) << i;
  }
  EXPECT_FALSE(holds(past.of(1), run_of(0, 600)));
  EXPECT_FALSE(holds(past.of(1), {99'599, 0})) << "no run crosses the border of two texts";
  EXPECT_FALSE(holds(past.of(2), {99'000}));
  EXPECT_LE(past.tokens(), 2 * PastOutputs::kTextTokens);
}

TEST(PastOutputs, ALongAnswerKeepsItsBeginning) {
  PastOutputs past;
  past.keep(1, run_of(0, 3 * PastOutputs::kTextTokens));
  EXPECT_TRUE(holds(past.of(1), run_of(0, 100)));
  EXPECT_LE(past.tokens(), PastOutputs::kTextTokens);
}

TEST(PastOutputs, TheTenantUsedLongestAgoGoesFirst) {
  PastOutputs past;
  past.keep(1, run_of(0, 10));
  past.keep(2, run_of(0, 10));
  for (uint64_t salt = 3; salt < 3 + PastOutputs::kTenants; ++salt) {
    past.of(1);
    past.keep(salt, run_of(0, 10));
  }
  EXPECT_EQ(past.tenants(), PastOutputs::kTenants);
  EXPECT_TRUE(holds(past.of(1), run_of(0, 10)));
  EXPECT_FALSE(holds(past.of(2), {0}));
  for (uint64_t salt = 1000; salt < 1100; ++salt) past.keep(salt, run_of(0, PastOutputs::kTextTokens));
  EXPECT_LE(past.tokens(), PastOutputs::kTotalTokens);
  EXPECT_FALSE(holds(past.of(1), {0}));
  EXPECT_TRUE(holds(past.of(1099), {0}));
}

TEST(PastOutputs, AViewOutlivesWhatItShows) {
  PastOutputs past;
  past.keep(1, run_of(0, 10));
  const PastOutputs::View view = past.of(1);
  for (int i = 0; i < 3; ++i) past.keep(1, run_of(50'000, PastOutputs::kTextTokens));
  EXPECT_FALSE(holds(past.of(1), run_of(0, 10)));
  EXPECT_TRUE(holds(view, run_of(0, 10)));
}

}  // namespace
}  // namespace studio::engine
