// Speculation changes how many passes an answer takes and nothing else.
#include "engine/schedule/drafting.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "engine/schedule/scheduler_bench_for_test.h"

namespace studio::engine {
namespace {

constexpr SchedulerLimits kPlain{.max_sequences = 5, .prompt_chunk = 33};

SchedulerLimits with(Speculation mode) {
  SchedulerLimits limits = kPlain;
  limits.speculation = mode;
  return limits;
}

// Every parameter that has a say in a draw or an end, over a prompt that repeats itself.
SequenceRequest request_with(uint64_t seed) {
  SequenceRequest request = request_of(static_cast<int>(1 + seed * 7 % 40), static_cast<int>(1 + seed * 13 % 90), seed);
  const std::vector<TokenId> once = request.prompt;
  request.prompt.insert(request.prompt.end(), once.begin(), once.end());
  request.prefix_salt = seed % 3;
  SamplingParams& sampling = request.sampling;
  sampling.temperature = std::array{0.0f, 0.0f, 0.3f, 0.7f, 1.3f}[seed % 5];
  if (seed % 4 == 1) sampling.top_k = 5;
  if (seed % 4 == 2) sampling.top_p = 0.8f;
  if (seed % 7 == 3) sampling.repetition_penalty = 1.2f;
  if (seed % 7 == 4) sampling.frequency_penalty = 0.4f;
  if (seed % 7 == 5) sampling.presence_penalty = -0.5f;
  if (seed % 6 == 0) sampling.logit_bias = {{3, 2.0f}, {9, -4.0f}};
  sampling.logprobs = seed % 2 == 0;
  sampling.top_logprobs = sampling.logprobs ? static_cast<int>(seed % 3) : 0;
  sampling.stream = static_cast<uint32_t>(seed % 2);
  if (seed % 5 == 0) request.stop_ids = {11, 12};
  if (seed % 8 == 6) request.forced_end = ForcedEnd{static_cast<int>(seed % 23), 49, {48, 49, 47, 3, 4, 5}};
  return request;
}

struct Outcome {
  std::map<uint64_t, Record> records;
  size_t passes = 0;
  uint64_t drafted = 0, accepted = 0;
};

// `memory`: tokens that decide the model's next one; with few it repeats itself.
Outcome run_all(const SchedulerLimits& limits, int pages, int memory, int threads = 1) {
  Bench bench(pages, limits, threads);
  bench.model.memory = memory;
  for (uint64_t id = 1; id <= 60; ++id) bench.add(id, request_with(id));
  bench.run();
  return {std::move(bench.records), bench.model.steps.size(), bench.scheduler->drafting().drafted_tokens(),
          bench.scheduler->drafting().accepted_tokens()};
}

void expect_same(const Outcome& found, const Outcome& expected) {
  for (const auto& [id, record] : expected.records) {
    const Record& other = found.records.at(id);
    EXPECT_EQ(other.ids, record.ids) << id;
    EXPECT_EQ(other.logprobs, record.logprobs) << id;
    ASSERT_EQ(other.top_logprobs.size(), record.top_logprobs.size()) << id;
    for (size_t i = 0; i < record.top_logprobs.size(); ++i) {
      EXPECT_EQ(other.top_logprobs[i].id, record.top_logprobs[i].id);
      EXPECT_EQ(other.top_logprobs[i].logprob, record.top_logprobs[i].logprob);
    }
    EXPECT_EQ(other.finish, record.finish) << id;
    EXPECT_EQ(other.usage.prompt_tokens, record.usage.prompt_tokens);
    EXPECT_EQ(other.usage.generated_tokens, record.usage.generated_tokens);
  }
}

TEST(Drafting, GivesTheSameTokensWhateverIsGuessed) {
  for (const int memory : {1, 2, 1 << 30}) {
    const Outcome expected = run_all(kPlain, 300, memory);
    EXPECT_EQ(expected.drafted, 0u);
    for (const Speculation mode : {Speculation::kAuto, Speculation::kAlways}) {
      for (const int threads : {1, 3}) {
        const Outcome found = run_all(with(mode), 300, memory, threads);
        expect_same(found, expected);
        if (mode != Speculation::kAlways) continue;
        EXPECT_GT(found.drafted, 1000u);
        EXPECT_GT(found.drafted, found.accepted) << "nothing was rejected";
        if (memory == 1) EXPECT_GT(found.accepted, 300u);
      }
    }
  }
}

// Pages for one long sequence and a half: drafts live from what the others leave, and push nobody out.
TEST(Drafting, GivesTheSameTokensWhenPagesAreShort) {
  for (const int memory : {1, 1 << 30}) {
    const Outcome expected = run_all(kPlain, 13, memory), found = run_all(with(Speculation::kAlways), 13, memory);
    expect_same(found, expected);
    EXPECT_GT(found.drafted, 100u);
  }
}

TEST(Drafting, ALoopTakesFewPasses) {
  SequenceRequest request = request_of(4, 400, 1);
  request.sampling.temperature = 0;
  Bench bench(64, with(Speculation::kAlways));
  bench.model.memory = 1;
  const Record& record = bench.add(1, request);
  bench.run();
  EXPECT_EQ(record.ids.size(), 400u);
  EXPECT_LT(bench.model.steps.size(), 100u);  // the loop is at most kVocab long, and then 32 tokens a pass
  EXPECT_EQ(record.usage.generated_tokens, 400);
}

TEST(Drafting, TheSecondAskingOfATenantTakesFewPassesAndAnotherTenantsDoesNot) {
  SequenceRequest request = request_of(40, 120, 5);
  request.prefix_salt = 1;
  Bench bench(64, with(Speculation::kAlways));
  const auto passes = [&](uint64_t id) {
    const size_t before = bench.model.steps.size();
    bench.add(id, request);
    bench.run();
    return bench.model.steps.size() - before;
  };
  const size_t first = passes(1), second = passes(2);
  EXPECT_EQ(bench.records[1].ids, bench.records[2].ids);
  EXPECT_LT(second, 20u);
  EXPECT_GT(first, 60u);
  request.prefix_salt = 2;
  EXPECT_GT(passes(3), 60u);
}

TEST(Drafting, RejectedDraftsGiveTheirPagesBack) {
  Bench bench(64, with(Speculation::kAlways));
  const Record& record = bench.add(1, request_with(3));
  while (record.finish == FinishReason::kNone) {
    bench.step();
    if (record.finish != FinishReason::kNone) break;
    const int computed = static_cast<int>(request_with(3).prompt.size() + record.ids.size()) - 1;
    EXPECT_GE(bench.pages->free(), 64 - pages_for(computed + 1));
  }
  EXPECT_GT(bench.scheduler->drafting().drafted_tokens(), 0u);
}

TEST(Drafting, AFullBatchIsLeftAlone) {
  Bench bench(400, {.max_sequences = kMostColumns, .speculation = Speculation::kAlways});
  bench.model.memory = 1;
  for (uint64_t id = 1; id <= kMostColumns; ++id) bench.add(id, request_of(4, 60, id));
  bench.run();
  EXPECT_EQ(bench.scheduler->drafting().drafted_tokens(), 0u);
  bench.add(100, request_of(4, 60, 100));
  bench.run();
  EXPECT_GT(bench.scheduler->drafting().drafted_tokens(), 0u);
}

// The end of a thinking budget is known before it is drawn: its tokens take one pass.
TEST(Drafting, ForcedTokensTakeOnePass) {
  SequenceRequest request = request_of(8, 30, 3);
  request.forced_end = ForcedEnd{5, 49, {48, 49, 47, 2, 1}};
  const std::vector<TokenId> plain = alone(request);
  Bench bench(64, with(Speculation::kAuto));
  const Record& record = bench.add(1, request);
  bench.run();
  EXPECT_EQ(record.ids, plain);
  EXPECT_GE(bench.scheduler->drafting().accepted_tokens(), 4u);
}

TEST(Drafting, AResumedSequenceGoesOnAsIfNothingHadHappened) {
  for (const uint64_t seed : {5, 6, 11, 14}) {
    SequenceRequest request = request_with(seed);
    request.max_new_tokens = 60;
    request.stop_ids.clear();
    const std::vector<TokenId> all = alone(request);
    for (const size_t cut : {size_t{1}, size_t{17}, size_t{59}}) {
      request.resume.assign(all.begin(), all.begin() + static_cast<ptrdiff_t>(cut));
      Bench bench(64, with(Speculation::kAlways));
      const Record& record = bench.add(1, request);
      bench.run();
      EXPECT_EQ(record.ids, std::vector<TokenId>(all.begin() + static_cast<ptrdiff_t>(cut), all.end()));
    }
  }
}

// Numbers that come out wrong behind a rejected draft are nobody's; those behind an accepted token end the sequence.
TEST(Drafting, OnlyLogitsOfProducedTokensCanFail) {
  for (const int memory : {1, 2}) {
    SequenceRequest request = request_of(20, 100, 2);
    request.sampling.temperature = 0;
    for (TokenId fails_at = 0; fails_at < kVocab; ++fails_at) {
      Record records[2];
      for (const Speculation mode : {Speculation::kOff, Speculation::kAlways}) {
        Bench bench(64, with(mode));
        bench.model.memory = memory;
        bench.model.fails_at = fails_at;
        bench.add(1, request);
        bench.run();
        records[mode == Speculation::kOff ? 0 : 1] = bench.records[1];
      }
      EXPECT_EQ(records[0].ids, records[1].ids);
      EXPECT_EQ(records[0].finish, records[1].finish);
    }
  }
}

}  // namespace
}  // namespace studio::engine
