#include "api/serving/choice_turns.h"

#include <gtest/gtest.h>

#include <random>

namespace studio::api {
namespace {

// "0:a" is a piece of choice 0, "0." a token without one.
std::string said(ChoiceTurns& turns) {
  std::string text;
  while (auto turn = turns.next()) {
    EXPECT_LE(turn->tokens, 1);
    text += std::to_string(turn->delta.choice);
    text += turn->delta.text.empty() ? "." : ":" + turn->delta.text;
    text += turn->tokens == 0 ? "! " : " ";
  }
  return text;
}

void take(ChoiceTurns& turns, int choice, const std::string& piece, bool is_last = false) {
  turns.add_token(choice);
  if (!piece.empty()) turns.add_piece({.choice = choice, .reasoning = {}, .text = piece, .logprobs = {}});
  turns.end_turn(choice, is_last);
}

TEST(ChoiceTurns, OfOneChoiceIsItsOrder) {
  ChoiceTurns turns(1);
  take(turns, 0, "a");
  EXPECT_EQ(said(turns), "0:a ");
  take(turns, 0, "");
  take(turns, 0, "b", true);
  EXPECT_EQ(said(turns), "0. 0:b ");
  EXPECT_EQ(said(turns), "");
}

TEST(ChoiceTurns, WaitForTheChoiceWhoseTurnItIs) {
  ChoiceTurns turns(2);
  take(turns, 1, "x");
  take(turns, 1, "y");
  EXPECT_EQ(said(turns), "");
  take(turns, 0, "a");
  EXPECT_EQ(said(turns), "0:a 1:x ");
  turns.end_turn(0, true);
  EXPECT_EQ(said(turns), "1:y ");
  take(turns, 1, "z", true);
  EXPECT_EQ(said(turns), "1:z ");
}

TEST(ChoiceTurns, TellTheLastPieceOfAnEndWithoutAToken) {
  ChoiceTurns turns(1);
  turns.add_piece({.choice = 0, .reasoning = {}, .text = "rest", .logprobs = {}});
  turns.end_turn(0, true);
  EXPECT_EQ(said(turns), "0:rest! ");
}

TEST(ChoiceTurns, AreTheSameHoweverTheChoicesCome) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    const size_t choices = 1 + random() % 5;
    std::vector<int> lengths;
    std::string expected;
    int longest = 0;
    for (size_t i = 0; i < choices; ++i) lengths.push_back(1 + static_cast<int>(random() % 6));
    for (int length : lengths) longest = std::max(longest, length);
    for (int token = 0; token < longest; ++token) {
      for (size_t i = 0; i < choices; ++i) {
        if (token < lengths[i]) expected += std::to_string(i) + ":" + std::to_string(token) + " ";
      }
    }
    ChoiceTurns turns(choices);
    std::vector<int> at(choices, 0);
    std::string all;
    for (size_t left = choices; left > 0;) {
      const size_t i = random() % choices;
      if (at[i] == lengths[i]) continue;
      const int token = at[i]++;
      take(turns, static_cast<int>(i), std::to_string(token), token + 1 == lengths[i]);
      left -= at[i] == lengths[i];
      if (random() % 3 == 0) all += said(turns);
    }
    all += said(turns);
    ASSERT_EQ(all, expected);
  }
}

}  // namespace
}  // namespace studio::api
