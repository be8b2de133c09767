#include "inference/choice_text.h"

#include <gtest/gtest.h>

#include <random>

#include "engine/formats/gguf.h"

namespace studio::inference {
namespace {

using engine::TokenId;

const engine::Tokenizer& tiny() {
  static const auto tokenizer = [] {
    auto file = engine::GgufFile::open(STUDIO_SOURCE_DIR "/catalogue/builtin/tiny-qwen3.gguf");
    return engine::Tokenizer::from_gguf(*file).value();
  }();
  return *tokenizer;
}

struct Outcome {
  std::string reasoning, text;
  std::vector<std::string> pieces;
  std::vector<std::string> logprob_tokens;
  std::optional<Finish> finish;
  int tokens = 0, reasoning_tokens = 0, answer_tokens_with_logprobs = 0;
};

ChoiceTextOptions options() {
  ChoiceTextOptions options;
  options.tokenizer = &tiny();
  options.think = tiny().find("<think>");
  options.end_think = tiny().find("</think>");
  options.hidden_ids = {tiny().find("<|im_end|>")};
  return options;
}

Outcome run(ChoiceTextOptions options, const std::vector<TokenId>& ids) {
  ChoiceText choice(std::move(options));
  Outcome outcome;
  auto take = [&](const ChoiceDelta& delta) {
    outcome.reasoning += delta.reasoning;
    outcome.text += delta.text;
    if (!delta.text.empty()) outcome.pieces.push_back(delta.text);
    for (const auto& logprob : delta.logprobs) outcome.logprob_tokens.push_back(logprob.bytes);
  };
  for (TokenId id : ids) {
    engine::TokenEvent event;
    event.id = id;
    ChoiceDelta delta;
    outcome.finish = choice.push(event, delta);
    take(delta);
    if (outcome.finish) break;
  }
  if (!outcome.finish) {
    ChoiceDelta delta;
    choice.flush(delta);
    take(delta);
  }
  outcome.tokens = choice.tokens();
  outcome.reasoning_tokens = choice.reasoning_tokens();
  return outcome;
}

std::vector<TokenId> ids(std::string_view text) {
  return tiny().encode_template(text);
}

TEST(ChoiceText, GivesTheTextOfTheTokens) {
  Outcome outcome = run(options(), ids("Once upon a time, 中文 🌊.\n\nThe end."));
  EXPECT_EQ(outcome.text, "Once upon a time, 中文 🌊.\n\nThe end.");
  EXPECT_EQ(outcome.reasoning, "");
  EXPECT_GT(outcome.pieces.size(), 4u);
}

TEST(ChoiceText, NeverSplitsACharacter) {
  Outcome outcome = run(options(), ids("水🌊水🌊"));
  for (const std::string& piece : outcome.pieces) {
    EXPECT_NE(static_cast<unsigned char>(piece[0]) & 0xC0, 0x80) << piece;
  }
  EXPECT_EQ(outcome.text, "水🌊水🌊");
}

TEST(ChoiceText, SplitsReasoningByItsControlTokens) {
  Outcome outcome = run(options(), ids("<think>\nWell,\nyes.\n</think>\n\nThe answer."));
  EXPECT_EQ(outcome.reasoning, "Well,\nyes.");
  EXPECT_EQ(outcome.text, "The answer.");
  EXPECT_EQ(outcome.reasoning_tokens, static_cast<int>(ids("<think>\nWell,\nyes.\n</think>").size()));
}

TEST(ChoiceText, ReadsReasoningFromTheStartWhereThePromptOpenedIt) {
  ChoiceTextOptions open = options();
  open.is_open_reasoning = true;
  Outcome outcome = run(open, ids("So.\n</think>\n\nYes"));
  EXPECT_EQ(outcome.reasoning, "So.");
  EXPECT_EQ(outcome.text, "Yes");
}

TEST(ChoiceText, SpelledTagsAreText) {
  Outcome outcome = run(options(), tiny().encode("<think>no</think>"));
  EXPECT_EQ(outcome.reasoning, "");
  EXPECT_EQ(outcome.text, "<think>no</think>");
}

TEST(ChoiceText, ASecondThinkTokenInTheAnswerIsText) {
  Outcome outcome = run(options(), ids("<think>a</think>b<think>c"));
  EXPECT_EQ(outcome.reasoning, "a");
  EXPECT_EQ(outcome.text, "b<think>c");
}

TEST(ChoiceText, HidesTheEndToken) {
  Outcome outcome = run(options(), ids("Hello<|im_end|>"));
  EXPECT_EQ(outcome.text, "Hello");
  EXPECT_EQ(outcome.tokens, static_cast<int>(ids("Hello").size()) + 1);
}

TEST(ChoiceText, StopsBeforeAStopStringThatSpansTokens) {
  ChoiceTextOptions stops = options();
  stops.stop = {"two three"};
  Outcome outcome = run(stops, ids("one two three four"));
  EXPECT_EQ(outcome.text, "one ");
  ASSERT_TRUE(outcome.finish);
  EXPECT_EQ(*outcome.finish, Finish::kStop);
}

TEST(ChoiceText, LetsGoOfTextThatOnlyBeganLikeAStop) {
  ChoiceTextOptions stops = options();
  stops.stop = {"time forever", "aab"};
  EXPECT_EQ(run(stops, ids("a time for aaa and more")).text, "a time for aaa and more");
  EXPECT_EQ(run(stops, ids("ends with a time")).text, "ends with a time");
}

TEST(ChoiceText, TheEarliestStopCounts) {
  ChoiceTextOptions stops = options();
  stops.stop = {"four", "three four", "中"};
  EXPECT_EQ(run(stops, ids("one two three four")).text, "one two ");
  EXPECT_EQ(run(stops, ids("水中")).text, "水");
}

TEST(ChoiceText, StopStringsDoNotEndReasoning) {
  ChoiceTextOptions stops = options();
  stops.stop = {"x"};
  Outcome outcome = run(stops, ids("<think>\nx\n</think>\n\nabcxdef"));
  EXPECT_EQ(outcome.reasoning, "x");
  EXPECT_EQ(outcome.text, "abc");
}

TEST(ChoiceText, CountsOnlyTheAnswerAgainstItsLimit) {
  ChoiceTextOptions limited = options();
  limited.max_answer_tokens = 3;
  Outcome outcome = run(limited, ids("<think>one two three four</think>one two three four five six"));
  EXPECT_EQ(outcome.tokens - outcome.reasoning_tokens, 3);
  ASSERT_TRUE(outcome.finish);
  EXPECT_EQ(*outcome.finish, Finish::kLength);
}

TEST(ChoiceText, GivesTheLogprobOfEachAnswerTokenOnce) {
  ChoiceTextOptions with = options();
  with.logprobs = true;
  auto answer = ids("one 🌊 two");
  Outcome outcome = run(with, answer);
  ASSERT_EQ(outcome.logprob_tokens.size(), answer.size());
  std::string all;
  for (const auto& bytes : outcome.logprob_tokens) all += bytes;
  EXPECT_EQ(all, "one 🌊 two");
}

TEST(ChoiceText, DropsTheLogprobsOfWhatTheStopCutAway) {
  ChoiceTextOptions with = options();
  with.logprobs = true;
  with.stop = {" three"};
  Outcome outcome = run(with, ids("one two three"));
  std::string all;
  for (const auto& bytes : outcome.logprob_tokens) all += bytes;
  EXPECT_TRUE(all.starts_with("one two")) << all;
  EXPECT_EQ(all.find("three"), std::string::npos);
}

// Against the plain definition: the whole text, cut at the earliest stop that was complete when it came.
TEST(ChoiceText, AgreesWithThePlainDefinitionOnRandomTexts) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < 30; ++i)
      text += std::string("ab c水")[random() % 4] == 'c' ? "水" : std::string(1, "ab "[random() % 3]);
    ChoiceTextOptions stops = options();
    for (int i = 0; i < 3; ++i) {
      std::string stop;
      for (unsigned j = 0; j < 1 + random() % 4; ++j)
        stop += random() % 5 == 0 ? "水" : std::string(1, "ab "[random() % 3]);
      stops.stop.push_back(stop);
    }
    auto tokens = ids(text);
    std::string so_far, expected = text;
    for (TokenId id : tokens) {
      so_far += tiny().token_bytes(id);
      size_t first = std::string::npos;
      for (const auto& stop : stops.stop) first = std::min(first, so_far.find(stop));
      if (first == std::string::npos) continue;
      expected = so_far.substr(0, first);
      break;
    }
    EXPECT_EQ(run(stops, tokens).text, expected) << text;
  }
}

}  // namespace
}  // namespace studio::inference
