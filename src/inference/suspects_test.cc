#include "inference/suspects.h"

#include <gtest/gtest.h>

namespace studio::inference {
namespace {

using namespace std::chrono_literals;
using Time = Suspects::Time;

Fingerprint print_of(uint8_t byte) {
  Fingerprint print{};
  print[0] = byte;
  return print;
}

TEST(Suspects, AreFreeAgainOnceTheyPassThePlace) {
  Suspects suspects;
  Time now{};
  EXPECT_TRUE(suspects.empty());
  suspects.suspect(print_of(1), 40, now);
  EXPECT_TRUE(suspects.is_suspect(print_of(1), now));
  EXPECT_FALSE(suspects.is_suspect(print_of(2), now));
  EXPECT_EQ(suspects.tokens_to_pass(print_of(1), 1), 40 + Suspects::kTokensToPass);
  EXPECT_FALSE(suspects.is_past(print_of(1), 39 + Suspects::kTokensToPass));
  EXPECT_TRUE(suspects.is_past(print_of(1), 40 + Suspects::kTokensToPass));
  suspects.acquit(print_of(1));
  EXPECT_FALSE(suspects.is_suspect(print_of(1), now));
}

TEST(Suspects, AreWatchedLongerWhereOneAnswerLosesItsWorkerAgain) {
  Suspects suspects;
  Time now{};
  suspects.suspect(print_of(1), 5, now);
  suspects.suspect(print_of(1), 9, now);  // another choice of it
  EXPECT_EQ(suspects.tokens_to_pass(print_of(1), 1), 9 + Suspects::kTokensToPass);
  suspects.acquit(print_of(1));
  EXPECT_TRUE(suspects.empty());
  suspects.suspect(print_of(1), 3, now);
  EXPECT_EQ(suspects.tokens_to_pass(print_of(1), 2), 3 + Suspects::kTokensToPassAgain);
}

TEST(Suspects, AreRefusedForTheStatedTimeOnceConvicted) {
  Suspects suspects;
  Time now{};
  suspects.suspect(print_of(1), 5, now);
  EXPECT_FALSE(suspects.quarantined_for(print_of(1), now));
  suspects.convict(print_of(1), now);
  EXPECT_EQ(suspects.quarantined_for(print_of(1), now), Suspects::kQuarantine);
  EXPECT_FALSE(suspects.is_suspect(print_of(1), now));
  EXPECT_FALSE(suspects.quarantined_for(print_of(1), now + Suspects::kQuarantine));
}

TEST(Suspects, AreBoundedAndTheConvictedStayLongest) {
  Suspects suspects;
  Time now{};
  suspects.convict(print_of(1), now);
  for (size_t i = 0; i < 3 * Suspects::kMaxRecords; ++i) {
    Fingerprint print{};
    print[1] = static_cast<uint8_t>(i);
    print[2] = static_cast<uint8_t>(i >> 8);
    print[3] = 1;
    suspects.suspect(print, 0, now + 1ms);
  }
  EXPECT_TRUE(suspects.quarantined_for(print_of(1), now));
}

TEST(Suspects, AreKnownByPromptAndParametersButNotBySeed) {
  TokenRequest request;
  request.request_id = "a#0";
  request.sequence.prompt = {1, 2, 3};
  request.sequence.max_new_tokens = 10;
  TokenRequest same = request;
  same.request_id = "b#3";
  same.sequence.sampling.seed = 5;
  same.sequence.sampling.stream = 3;
  same.sequence.resume = {9};
  same.sequence.deadline = std::chrono::steady_clock::now();
  EXPECT_EQ(fingerprint_of(request), fingerprint_of(same));
  TokenRequest other = request;
  other.sequence.prompt.back() = 4;
  EXPECT_NE(fingerprint_of(request), fingerprint_of(other));
  other = request;
  other.sequence.sampling.temperature = 0.5f;
  EXPECT_NE(fingerprint_of(request), fingerprint_of(other));
}

}  // namespace
}  // namespace studio::inference
