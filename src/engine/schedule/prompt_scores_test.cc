// What a prompt's own tokens are told to be worth: the same whatever is cached, beside it, or lost meanwhile.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/schedule/scheduler_bench_for_test.h"

namespace studio::engine {
namespace {

SequenceRequest scored_of(int prompt_tokens, int max_new, uint64_t seed) {
  SequenceRequest request = request_of(prompt_tokens, max_new, seed);
  request.sampling.logprobs = true;
  request.sampling.top_logprobs = 3;
  request.scores_prompt = true;
  return request;
}

// Each token as one that is forced behind those before it, which another part of the scheduler tells.
std::vector<TokenScore> forced_one_by_one(const SequenceRequest& request) {
  std::vector<TokenScore> scores;
  for (size_t i = 1; i < request.prompt.size(); ++i) {
    SequenceRequest one = request;
    one.scores_prompt = false;
    one.prompt.resize(i);
    one.max_new_tokens = 1;
    one.forced_end = ForcedEnd{.after_tokens = 0, .end_id = -1, .forced = {request.prompt[i]}};
    Bench bench(16);
    const Record& record = bench.add(1, one);
    bench.run();
    EXPECT_EQ(record.ids, std::vector<TokenId>{request.prompt[i]});
    scores.push_back({record.logprobs.front(), record.top_logprobs});
  }
  return scores;
}

void expect_same(const std::vector<TokenScore>& found, const std::vector<TokenScore>& expected,
                 const std::string& where) {
  ASSERT_EQ(found.size(), expected.size()) << where;
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].logprob, expected[i].logprob) << where << " " << i;
    ASSERT_EQ(found[i].top_logprobs.size(), expected[i].top_logprobs.size());
    for (size_t k = 0; k < found[i].top_logprobs.size(); ++k) {
      EXPECT_EQ(found[i].top_logprobs[k].id, expected[i].top_logprobs[k].id);
      EXPECT_EQ(found[i].top_logprobs[k].logprob, expected[i].top_logprobs[k].logprob);
    }
  }
}

TEST(PromptScores, AreWhatEachTokenIsWorthBehindThoseBeforeIt) {
  for (const int tokens : {1, 2, 16, 17, 33, 100}) {
    const SequenceRequest request = scored_of(tokens, 3, static_cast<uint64_t>(tokens));
    const std::vector<TokenScore> expected = forced_one_by_one(request);
    for (const int chunk : {1, 7, 512}) {
      Bench bench(64, {.prompt_chunk = chunk}, 2);
      const Record& record = bench.add(1, request);
      bench.run();
      expect_same(record.scores, expected, std::to_string(tokens) + " in pieces of " + std::to_string(chunk));
      EXPECT_EQ(record.ids, alone(request));
    }
  }
}

TEST(PromptScores, DoNotMindThatThePromptIsCached) {
  SequenceRequest request = scored_of(100, 3, 5);
  const std::vector<TokenScore> expected = forced_one_by_one(request);
  Bench bench(64);
  request.scores_prompt = false;
  bench.add(1, request);
  bench.run();
  request.scores_prompt = true;
  bench.add(2, request);
  bench.run();
  expect_same(bench.records[2].scores, expected, "cached");
  EXPECT_EQ(bench.records[2].usage.cached_tokens, 0) << "all of it was computed";
  EXPECT_EQ(bench.records[2].ids, bench.records[1].ids);
  request.scores_prompt = false;
  bench.add(3, request);
  bench.run();
  EXPECT_EQ(bench.records[3].usage.cached_tokens, 100);
}

TEST(PromptScores, OfManyAtOnceAndOverLostPagesAreToldOnce) {
  Bench bench(16, {.max_sequences = 4}, 2);  // pages for two of them and a half
  std::map<uint64_t, SequenceRequest> asked;
  for (uint64_t id = 1; id <= 6; ++id) {
    asked[id] = scored_of(60 + static_cast<int>(id), 40, id);
    asked[id].tenant = id % 3;
    asked[id].prefix_salt = id;
    asked[id].scores_prompt = id != 4;
    bench.add(id, asked[id]);
  }
  bench.run();
  for (const auto& [id, request] : asked) {
    const auto expected = request.scores_prompt ? forced_one_by_one(request) : std::vector<TokenScore>{};
    expect_same(bench.records[id].scores, expected, "of " + std::to_string(id));
    EXPECT_EQ(bench.records[id].ids, alone(request));
  }
}

TEST(PromptScores, TakeNoMoreRowsThanAStepMayHave) {
  Bench bench(100, {.max_sequences = 4});
  for (uint64_t id = 1; id <= 4; ++id) bench.add(id, scored_of(300, 1, id));
  bench.run();
  for (const auto& step : bench.model.steps) {
    int tokens = 0;
    for (const int run : step) tokens += run;
    EXPECT_LE(tokens, kScoresPerStep + 4);
  }
}

TEST(PromptScores, ThatAreNoNumbersEndTheSequence) {
  Bench bench(64);
  SequenceRequest request = scored_of(60, 3, 1);
  bench.model.fails_at = request.prompt[20];
  const Record& record = bench.add(1, request);
  bench.run();
  EXPECT_EQ(record.finish, FinishReason::kError);
  EXPECT_TRUE(record.ids.empty());
}

}  // namespace
}  // namespace studio::engine
