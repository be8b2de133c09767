#include "api/openai/best_of.h"

#include <gtest/gtest.h>

namespace studio::api::openai {
namespace {

ChoiceAnswer of(const std::vector<float>& logprobs) {
  ChoiceAnswer choice;
  for (const float logprob : logprobs) choice.logprobs.push_back({.bytes = "x", .logprob = logprob, .top = {}});
  return choice;
}

TEST(BestOf, TellsTheLikeliestOfEachPrompt) {
  const std::vector<ChoiceAnswer> choices = {of({-3}), of({-1, -2, -1}), of({-1}),   // -3, -1.33, -1
                                             of({}),   of({-9, -9}),     of({-9})};  // none, -9, -9
  EXPECT_EQ(best_choices({.made = 3, .told = 2}, choices), (std::vector<size_t>{2, 1, 4, 5}));
  EXPECT_EQ(best_choices({.made = 3, .told = 1}, choices), (std::vector<size_t>{2, 4}));
  EXPECT_EQ(best_choices({.made = 6, .told = 6}, choices), (std::vector<size_t>{2, 1, 0, 4, 5, 3}));
}

}  // namespace
}  // namespace studio::api::openai
