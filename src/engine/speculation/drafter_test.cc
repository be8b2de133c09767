#include "engine/speculation/drafter.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace studio::engine {
namespace {

using Text = std::vector<TokenId>;

// Distinct tokens from `first` on.
Text run_of(TokenId first, int length) {
  Text text;
  for (int i = 0; i < length; ++i) text.push_back(first + i);
  return text;
}

Text operator+(Text a, const Text& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Text drafted(const Drafter& drafter) {
  return Text(drafter.tokens().begin(), drafter.tokens().end());
}

Text first(const Text& text, size_t count) {
  return Text(text.begin(), text.begin() + static_cast<ptrdiff_t>(std::min(count, text.size())));
}

// Follows the text token by token as if each had been produced.
void say(Drafter& drafter, Text& ids, const Text& text) {
  for (const TokenId token : text) {
    ids.push_back(token);
    drafter.follow(ids);
  }
}

TEST(Drafter, GoesOnAsTheSameRunDidBefore) {
  PastOutputs past;
  Drafter drafter(&past, 1);
  Text ids = run_of(100, 60);
  drafter.follow(ids);
  EXPECT_TRUE(drafter.tokens().empty());
  say(drafter, ids, run_of(110, 8));  // copies from the tenth token on
  EXPECT_EQ(drafted(drafter), run_of(118, Drafter::kLongestDraft));
  ASSERT_EQ(drafter.chances().size(), drafter.tokens().size());
  for (const float chance : drafter.chances()) EXPECT_TRUE(chance > 0.5f && chance < 1);
}

// Keys come again, values do not: what is learnt of the ones is not believed of the others.
TEST(Drafter, WhereAFormIsOpenItIsTrustedByWhatCameThere) {
  PastOutputs past;
  Drafter usual(&past, 1), told(&past, 1);
  const Text key = run_of(100, 8);
  Text ids;
  float chance_usual = 0, chance_told = 0;
  for (int round = 0; round < 6; ++round) {
    for (size_t i = 0; i <= key.size(); ++i) {
      ids.push_back(i < key.size() ? key[i] : 1000 + round);
      usual.follow(ids);
      told.follow(ids, i + 1 == key.size() ? DraftPlace::kOpen : DraftPlace::kUsual);
      if (round == 0 || i + 1 != key.size()) continue;
      ASSERT_FALSE(told.tokens().empty());
      EXPECT_EQ(first(drafted(told), 9), first(drafted(usual), 9));
      chance_usual = usual.chances().front();
      chance_told = told.chances().front();
      EXPECT_GT(told.chances()[1], 0.5f) << "behind the value it is as ever";
    }
  }
  EXPECT_LT(chance_told, 0.25f);
  EXPECT_GT(chance_usual, chance_told);
}

TEST(Drafter, RepeatsAPeriodBeyondTheEnd) {
  PastOutputs past;
  Drafter drafter(&past, 1);
  Text ids;
  say(drafter, ids, {7, 8, 9, 7, 8, 9, 7, 8});
  EXPECT_EQ(first(drafted(drafter), 7), (Text{9, 7, 8, 9, 7, 8, 9}));
}

TEST(Drafter, FindsTheTenantsAnswersAndNobodyElses) {
  PastOutputs past;
  past.keep(1, run_of(100, 40));
  past.keep(2, run_of(300, 40));
  Drafter drafter(&past, 1);
  drafter.follow(Text{5, 6, 100, 101, 102, 103});
  EXPECT_EQ(first(drafted(drafter), 5), run_of(104, 5));
  EXPECT_LE(drafter.tokens().size(), 36u) << "nothing stands behind the end of an answer";
  Drafter other(&past, 1);
  other.follow(Text{5, 6, 300, 301, 302, 303});
  EXPECT_TRUE(other.tokens().empty());
}

// Of a short sequence too, whose place in the old texts is far beyond the end of the new ones.
TEST(Drafter, ReadsAgainWhenTheTenantsTextsChange) {
  PastOutputs past;
  past.keep(1, run_of(1000, 8000));
  Drafter drafter(&past, 1);
  Text ids;
  say(drafter, ids, run_of(8500, 10));
  EXPECT_EQ(first(drafted(drafter), 5), run_of(8510, 5));
  past.keep(1, run_of(100, 400));
  say(drafter, ids, {8510});
  EXPECT_EQ(first(drafted(drafter), 5), run_of(8511, 5));
  say(drafter, ids, run_of(100, 8));
  EXPECT_EQ(first(drafted(drafter), 5), run_of(108, 5));
}

// ... 100 101 ... 119 120 121 ... is copied up to 119, then 7 in the place of 120: it goes on with 121.
TEST(Drafter, GoesOnBehindAnEditOfACopy) {
  PastOutputs past;
  for (const auto& [edit, next] : {std::pair<Text, TokenId>{{7}, 121}, {{121}, 122}, {{7, 8, 121}, 122}}) {
    Drafter drafter(&past, 1);
    Text ids = run_of(100, 60) + Text{7, 500, 8, 600, 121, 700};
    say(drafter, ids, run_of(100, 20) + edit);
    ASSERT_FALSE(drafter.tokens().empty());
    EXPECT_EQ(drafter.tokens()[0], next) << edit.size();
  }
}

TEST(Drafter, LearnsThatATextDoesNotRepeatItself) {
  PastOutputs past;
  Drafter drafter(&past, 1);
  std::mt19937 random(1);
  Text ids;
  for (int i = 0; i < 400; ++i) {
    ids.push_back(static_cast<TokenId>(random() % 20));
    drafter.follow(ids);
  }
  float hope = 0;
  int proposals = 0;
  for (int i = 0; i < 100; ++i) {
    ids.push_back(static_cast<TokenId>(random() % 20));
    drafter.follow(ids);
    if (drafter.tokens().empty()) continue;
    hope += drafter.chances()[0];
    ++proposals;
  }
  EXPECT_LT(hope, 0.2f * static_cast<float>(proposals + 1));  // one in twenty would come by chance
}

TEST(Drafter, ReadsALongPromptInPiecesAndForgetsTheOldest) {
  PastOutputs past;
  Drafter drafter(&past, 1);
  const auto limit = static_cast<int>(Drafter::kTextTokens);
  Text ids = run_of(1000, 2 * limit);
  const Text late = run_of(1000 + 2 * limit - 500, 12), early = run_of(1000, 12);
  int calls = 0;
  const auto follow = [&] {  // until it has read all
    for (calls = 0; calls < 100 && drafter.tokens().empty(); ++calls) drafter.follow(ids);
  };
  ids = ids + late;
  follow();
  EXPECT_GE(calls, limit / 2 / static_cast<int>(Drafter::kReadPerStep));
  EXPECT_EQ(first(drafted(drafter), 1), Text{late.back() + 1});
  say(drafter, ids, {1, 2, 3});
  say(drafter, ids, early);
  EXPECT_TRUE(drafter.tokens().empty() || drafter.tokens()[0] != early.back() + 1);

  say(drafter, ids, run_of(900'000, limit));  // more than once over the limit
  say(drafter, ids, run_of(900'000 + limit - 300, 12));
  follow();
  EXPECT_EQ(first(drafted(drafter), 1), Text{900'000 + limit - 300 + 12});
}

}  // namespace
}  // namespace studio::engine
