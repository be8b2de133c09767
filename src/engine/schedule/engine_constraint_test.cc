// Answers held to constraints: valid whatever is drawn, and the same however they are computed.
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <string>
#include <vector>

#include "engine/constrain/spec.h"
#include "engine/schedule/engine_for_test.h"
#include "engine/schedule/held_answer.h"

namespace studio::engine {
namespace {

using constrain::SharedMatchers;
using constrain::Vocabulary;

constexpr const char* kSchema =
    R"({"json_schema":{"type":"object","properties":{"name":{"type":"string","maxLength":12},"colour":{"enum":["red","green"]},
"sizes":{"type":"array","items":{"type":"integer","minimum":0,"maximum":99},"maxItems":3}},"required":["name","colour"],
"additionalProperties":false}})";
constexpr TokenId kEnd = 2, kThink = 3, kEndThink = 4;
constexpr int kFirstText = 5;

// Token ids as texts of our own: the model is random to them all the same. Every printable byte, and words.
struct Words {
  std::vector<std::string> texts;
  std::shared_ptr<const Vocabulary> vocabulary;

  explicit Words(int vocab_size) : texts(static_cast<size_t>(vocab_size)) {
    constexpr std::array<const char*, 10> kWords = {"\"name\"", "\"colour\": ", "red\"", "green", "{\"",
                                                    "\", \"",   "\": \"",       "[1, 2", "}",     "\n"};
    for (int id = kFirstText; id < vocab_size; ++id) {
      const auto place = static_cast<size_t>(id - kFirstText);
      const size_t letter = place % (95 + kWords.size());
      texts[static_cast<size_t>(id)] =
          letter < 95 ? std::string(1, static_cast<char>(' ' + letter)) : std::string(kWords[letter - 95]);
    }
    std::vector<std::string_view> views(texts.begin(), texts.end());
    const std::array<TokenId, 1> ends = {kEnd};
    vocabulary = Vocabulary::of(views, ends, [](std::string_view text) {
      std::vector<TokenId> ids;
      for (const char c : text) ids.push_back(kFirstText + (c - ' '));
      return ids;
    });
  }
  std::string text_of(const std::vector<TokenId>& ids) const {
    std::string text;
    for (const TokenId id : ids) text += texts[static_cast<size_t>(id)];
    return text;
  }
};

class EngineConstraint : public testing::Test {
 protected:
  explicit EngineConstraint() : engine_(load(options_of())), words_(engine_->info().vocab_size) {}

  AnswerConstraint constraint_of(const std::string& spec) {
    auto compiled = constrain::compile_spec(spec);
    EXPECT_TRUE(compiled.ok()) << (compiled.ok() ? "" : compiled.error().message());
    AnswerConstraint constraint;
    constraint.spec = spec;
    constraint.matchers = std::make_shared<SharedMatchers>(*compiled, words_.vocabulary);
    return constraint;
  }
  SequenceRequest request_with(uint64_t index, const AnswerConstraint& constraint) {
    SequenceRequest request = request_of(*engine_, 5 + static_cast<int>(index % 20), 160, index);
    request.stop_ids = {kEnd};
    request.sampling.temperature = std::array{1.0f, 0.0f, 0.7f, 1.0f}[index % 4];
    if (index % 4 == 2) request.sampling.top_k = 20, request.sampling.top_p = 0.8f;
    if (index % 5 == 3) request.sampling.repetition_penalty = 1.1f;
    request.constraint = constraint;
    return request;
  }
  std::deque<Stream> run(Engine& engine, const std::vector<SequenceRequest>& requests) {
    std::deque<Stream> streams(requests.size());
    for (size_t i = 0; i < requests.size(); ++i) EXPECT_TRUE(engine.submit(requests[i], streams[i].sink()).ok());
    for (Stream& stream : streams) stream.wait();
    return streams;
  }
  bool is_whole(const AnswerConstraint& constraint, const std::string& text) {
    auto matcher = constraint.matchers->pool.start();
    return matcher.accept_text(text) && matcher.may_end();
  }

  std::unique_ptr<Engine> engine_;
  Words words_;
};

TEST_F(EngineConstraint, WholeAnswersAreValidAndCutOnesBeginLikeOne) {
  const AnswerConstraint constraint = constraint_of(kSchema);
  std::vector<SequenceRequest> requests;
  for (uint64_t i = 0; i < 40; ++i) requests.push_back(request_with(i, constraint));
  int whole = 0;
  for (const Stream& stream : run(*engine_, requests)) {
    const std::string text = words_.text_of(stream.ids);
    ASSERT_NE(stream.finish, FinishReason::kError) << stream.error;
    if (stream.finish == FinishReason::kStop) {
      ++whole;
      EXPECT_TRUE(is_whole(constraint, text)) << text;
    } else {
      EXPECT_TRUE(constraint.matchers->pool.start().accept_text(text)) << text;
    }
  }
  EXPECT_GT(whole, 30);
}

TEST_F(EngineConstraint, TheSameTokensWithAndWithoutGuessesAloneAndTakenUpAnywhere) {
  const AnswerConstraint constraint = constraint_of(kSchema);
  std::vector<SequenceRequest> requests;
  for (uint64_t i = 0; i < 8; ++i) requests.push_back(request_with(i, constraint));
  const auto together = run(*engine_, requests);
  EngineOptions options = options_of(1, 1);
  options.speculation = Speculation::kAlways;
  const auto guessing = load(options);
  options.speculation = Speculation::kOff;
  const auto plain = load(options);
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(run(*guessing, {requests[i]})[0].ids, together[i].ids);
    EXPECT_EQ(run(*plain, {requests[i]})[0].ids, together[i].ids);
    for (size_t at = 1; at < together[i].ids.size(); at += 3) {
      SequenceRequest rest = requests[i];
      rest.resume.assign(together[i].ids.begin(), together[i].ids.begin() + static_cast<ptrdiff_t>(at));
      std::vector<TokenId> ids = rest.resume;
      const auto resumed = run(*plain, {rest});
      ids.insert(ids.end(), resumed[0].ids.begin(), resumed[0].ids.end());
      EXPECT_EQ(ids, together[i].ids) << at;
    }
  }
  EXPECT_GT(guessing->stats().accepted_tokens, 20u) << "what must come is guessed";
}

TEST_F(EngineConstraint, ReasoningIsFreeButMayNotEndTheAnswer) {
  AnswerConstraint constraint = constraint_of(R"({"choices":["red","green"],"after_line_ends":true})");
  constraint.end_reasoning = kEndThink;
  constraint.is_open_reasoning = true;
  for (uint64_t i = 0; i < 10; ++i) {
    SequenceRequest request = request_with(i, constraint);
    request.sampling.logit_bias = {{kEnd, 60.0f}, {kEndThink, i % 2 == 0 ? 40.0f : -100.0f}};
    if (i % 2 == 1) request.forced_end = ForcedEnd{.after_tokens = 6, .end_id = kEndThink, .forced = {kEndThink}};
    const auto streams = run(*engine_, {request});
    const auto& ids = streams[0].ids;
    const auto close = std::find(ids.begin(), ids.end(), kEndThink);
    ASSERT_EQ(streams[0].finish, FinishReason::kStop);
    ASSERT_NE(close, ids.end());
    EXPECT_EQ(std::find(ids.begin(), close, kEnd), close) << "an end within reasoning";
    std::string answer = words_.text_of({close + 1, ids.end()});
    answer.erase(0, answer.find_first_not_of('\n'));
    EXPECT_TRUE(answer == "red" || answer == "green") << answer;
  }
}

TEST_F(EngineConstraint, TheFirstTokenMayBeginReasoning) {
  AnswerConstraint constraint = constraint_of(R"({"choices":["red"],"after_line_ends":true})");
  constraint.begin_reasoning = kThink;
  constraint.end_reasoning = kEndThink;
  HeldAnswer held(constraint);
  const TokenId r = kFirstText + ('r' - ' ');
  EXPECT_TRUE(held.allows(kThink));
  EXPECT_TRUE(held.allows(r));
  EXPECT_FALSE(held.allows(kEnd));
  const auto mask = held.mask();
  EXPECT_TRUE(mask[0] >> kThink & 1);
  EXPECT_FALSE(mask[0] >> kEnd & 1);
  HeldAnswer at_once = held;
  at_once.accept(r);
  EXPECT_FALSE(at_once.allows(kThink)) << "later it is too late";
  held.accept(kThink);
  EXPECT_TRUE(held.allows(r + 1)) << "reasoning says what it likes";
  EXPECT_FALSE(held.allows(kEnd));
  held.accept(kEndThink);
  EXPECT_FALSE(held.allows(r + 1));
  EXPECT_TRUE(held.allows(r));
}

TEST_F(EngineConstraint, LooksAheadWithoutGoingThere) {
  const auto ids_of = [](std::string_view text) {
    std::vector<TokenId> ids;
    for (const char c : text) ids.push_back(kFirstText + (c - ' '));
    return ids;
  };
  const auto text_of = [&](std::span<const TokenId> ids) { return words_.text_of({ids.begin(), ids.end()}); };
  AnswerConstraint constraint = constraint_of(R"({"regex":"(red|green)er than [a-z]+;"})");
  HeldAnswer held(constraint);
  EXPECT_TRUE(held.likely().empty());
  EXPECT_TRUE(held.is_open());
  const auto whole = ids_of("red"), wrong = ids_of("reef"), open = ids_of("greener than grass");
  EXPECT_EQ(held.look_ahead(whole, false).fitting, 3u);
  EXPECT_EQ(held.look_ahead(whole, false).likely.count, 0u) << "what is behind was not asked for";
  EXPECT_EQ(text_of(held.look_ahead(whole, true).likely.tokens()), "er than ");
  EXPECT_EQ(held.look_ahead(wrong, false).fitting, 2u);
  EXPECT_EQ(text_of(held.look_ahead(wrong, false).likely.tokens()), "der than ")
      << "what comes in the place of the wrong one";
  EXPECT_EQ(held.look_ahead(open, true).fitting, open.size());
  EXPECT_EQ(held.look_ahead(open, true).likely.count, 0u);

  for (const TokenId id : whole) held.accept(id);
  EXPECT_FALSE(held.is_open());
  EXPECT_EQ(text_of(held.likely()), "er than ");
  held.accept(held.likely().front());
  EXPECT_EQ(text_of(held.likely()), "r than ") << "what is left of a guess is the next one";

  constraint.begin_reasoning = kThink;
  constraint.end_reasoning = kEndThink;
  const HeldAnswer reasoning(constraint);
  std::vector<TokenId> thought = {kThink, kFirstText + 3, kEndThink};
  EXPECT_EQ(reasoning.look_ahead(thought, true).fitting, 3u);
  thought.push_back(kFirstText);
  EXPECT_EQ(reasoning.look_ahead(thought, true).fitting, 3u) << "behind it the form holds";
  const std::vector<TokenId> ended = {kThink, kFirstText + 3, kEnd};
  EXPECT_EQ(reasoning.look_ahead(ended, true).fitting, 2u) << "reasoning may not end the answer";
  EXPECT_FALSE(reasoning.is_open());
}

TEST_F(EngineConstraint, OneThatWasNotCompiledIsRefused) {
  SequenceRequest request = request_of(*engine_, 3, 3, 1);
  request.constraint = AnswerConstraint{.spec = "{}", .matchers = nullptr};
  auto id = engine_->submit(request, [](const TokenEvent&) {});
  ASSERT_FALSE(id.ok());
  EXPECT_EQ(id.error().param(), "constraint");
}

}  // namespace
}  // namespace studio::engine
