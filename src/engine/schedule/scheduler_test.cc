#include "engine/schedule/scheduler.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "engine/schedule/scheduler_bench_for_test.h"

namespace studio::engine {
namespace {

TEST(Scheduler, ManySequencesGiveWhatEachGivesAlone) {
  for (const int threads : {1, 3}) {
    Bench bench(200, {.max_sequences = 5, .prompt_chunk = 33}, threads);
    std::map<uint64_t, std::vector<TokenId>> expected;
    for (uint64_t id = 1; id <= 20; ++id) {
      SequenceRequest request = request_of(static_cast<int>(1 + id * 7 % 90), static_cast<int>(1 + id % 13), id);
      if (id % 3 == 0) request.sampling.repetition_penalty = 1.3f;
      expected[id] = alone(request);
      bench.add(id, std::move(request));
    }
    bench.run();
    for (const auto& [id, record] : bench.records) {
      EXPECT_EQ(record.ids, expected[id]) << id;
      EXPECT_EQ(record.finishes, 1);
      EXPECT_EQ(record.finish, FinishReason::kLength);
    }
  }
}

// Pages for one long sequence and a half: the others are pushed out again and again.
TEST(Scheduler, PreemptedSequencesGoOnAsIfNothingHadHappened) {
  Bench bench(7, {.max_sequences = 4});
  std::map<uint64_t, std::vector<TokenId>> expected;
  for (uint64_t id = 1; id <= 6; ++id) {
    const SequenceRequest request = request_of(20, 60, id);
    expected[id] = alone(request);
    bench.add(id, request);
  }
  bench.run();
  for (const auto& [id, record] : bench.records) EXPECT_EQ(record.ids, expected[id]) << id;
  EXPECT_GT(bench.scheduler->preemptions(), 0u) << "the test did not preempt anything";
}

TEST(Scheduler, OlderSequencesFinishFirstWhenPagesAreShort) {
  Bench bench(5, {.max_sequences = 3});
  std::vector<uint64_t> order;
  for (uint64_t id = 1; id <= 3; ++id) {
    auto sink = [&order, id](const TokenEvent& event) {
      if (event.finish != FinishReason::kNone) order.push_back(id);
    };
    bench.scheduler->add(std::make_unique<Sequence>(id, request_of(16, 50, id), sink, &*bench.pages));
  }
  bench.run();
  EXPECT_EQ(order, (std::vector<uint64_t>{1, 2, 3}));
}

TEST(Scheduler, PromptsAreAdmittedOnlyWithAllTheirPages) {
  Bench bench(10, {.max_sequences = 4, .prompt_chunk = 16});
  bench.add(1, request_of(90, 5, 1));  // 6 pages
  bench.add(2, request_of(90, 5, 2));  // would need 6 more: waits instead of computing what it must give back
  bench.step();
  EXPECT_EQ(bench.scheduler->running(), 1);
  EXPECT_EQ(bench.scheduler->waiting(), 1);
  bench.run();
  for (const auto& step : bench.model.steps) EXPECT_EQ(step.size(), 1u);
}

TEST(Scheduler, RunningStreamsGetTheirTokenInEveryStepBesideALongPrompt) {
  Bench bench(100);
  Record& stream = bench.add(1, request_of(4, 40, 1));
  bench.step();
  bench.add(2, request_of(900, 4, 2));
  size_t before = stream.ids.size();
  while (stream.finish == FinishReason::kNone) {
    bench.step();
    EXPECT_EQ(stream.ids.size(), before + 1);
    before = stream.ids.size();
  }
  bench.run();
}

TEST(Scheduler, AStepHoldsAtMostTheChunkAndTheBatch) {
  Bench bench(400, {.max_sequences = 16, .prompt_chunk = 512});
  for (uint64_t id = 1; id <= 16; ++id) bench.add(id, request_of(300, 3, id));
  bench.run();
  for (const auto& step : bench.model.steps) {
    int tokens = 0;
    for (const int run : step) tokens += run;
    EXPECT_LE(tokens, kMaxBatchTokens);
  }
}

TEST(Scheduler, CancelFreesPagesAtOnceAndTellsTheSinkOnce) {
  Bench bench(40, {.max_sequences = 1});
  Record& running = bench.add(1, request_of(50, 100, 1));
  Record& waiting = bench.add(2, request_of(50, 100, 2));
  for (int i = 0; i < 5; ++i) bench.step();
  EXPECT_LT(bench.pages->free(), 40);
  bench.scheduler->cancel(1);
  EXPECT_EQ(bench.pages->free(), 40);
  EXPECT_EQ(running.finish, FinishReason::kCancelled);
  EXPECT_EQ(running.usage.generated_tokens, static_cast<int>(running.ids.size()));
  bench.scheduler->cancel(1);
  bench.scheduler->cancel(2);
  bench.scheduler->cancel(77);
  EXPECT_EQ(waiting.finishes, 1);
  EXPECT_TRUE(bench.scheduler->idle());
}

TEST(Scheduler, DestructionCancelsWhatLives) {
  Bench bench(40, {.max_sequences = 1});
  Record& a = bench.add(1, request_of(50, 100, 1));
  Record& b = bench.add(2, request_of(50, 100, 2));
  bench.step();
  bench.scheduler.reset();
  EXPECT_EQ(a.finish, FinishReason::kCancelled);
  EXPECT_EQ(b.finish, FinishReason::kCancelled);
  EXPECT_EQ(bench.pages->free(), 40);
}

TEST(Scheduler, APassedDeadlineEndsRunningAndWaitingSequences) {
  Bench bench(40, {.max_sequences = 1});
  SequenceRequest late = request_of(10, 100, 1);
  late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  Record& first = bench.add(1, late);
  Record& second = bench.add(2, late);
  bench.run();
  for (const Record* record : {&first, &second}) {
    EXPECT_EQ(record->finish, FinishReason::kError);
    EXPECT_NE(record->error.find("deadline"), std::string::npos);
  }
  EXPECT_TRUE(bench.model.steps.empty());
}

TEST(Scheduler, ResumeContinuesWhereItStopped) {
  for (const bool penalised : {false, true}) {
    SequenceRequest whole = request_of(30, 40, 9);
    if (penalised) whole.sampling.frequency_penalty = 1.5f;
    const std::vector<TokenId> all = alone(whole);
    ASSERT_EQ(all.size(), 40u);
    for (const size_t cut : {size_t{1}, size_t{17}, size_t{39}}) {
      SequenceRequest rest = whole;
      rest.resume.assign(all.begin(), all.begin() + static_cast<ptrdiff_t>(cut));
      Bench bench(64);
      const Record& record = bench.add(1, rest);
      bench.run();
      EXPECT_EQ(record.ids, std::vector<TokenId>(all.begin() + static_cast<ptrdiff_t>(cut), all.end()));
      EXPECT_EQ(record.usage.generated_tokens, 40);
      EXPECT_EQ(record.usage.prompt_tokens, 30);
    }
  }
}

TEST(Scheduler, AResumeThatIsCompleteEndsWithoutATokenOrAStep) {
  SequenceRequest request = request_of(30, 4, 9);
  request.resume = {1, 2, 3, 4};
  Bench bench(64);
  EXPECT_EQ(bench.add(1, request).finish, FinishReason::kLength);
  request.resume = {1, 7};
  request.stop_ids = {7};
  EXPECT_EQ(bench.add(2, request).finish, FinishReason::kStop);
  EXPECT_TRUE(bench.scheduler->idle());
}

TEST(Scheduler, AStopIdIsReportedWithTheFinish) {
  SequenceRequest request = request_of(8, 30, 3);
  const std::vector<TokenId> all = alone(request);
  request.stop_ids = {-1, all[11]};
  size_t first = 0;
  while (all[first] != all[11]) ++first;
  Bench bench(64);
  const Record& record = bench.add(1, request);
  bench.run();
  EXPECT_EQ(record.finish, FinishReason::kStop);
  EXPECT_EQ(record.ids, std::vector<TokenId>(all.begin(), all.begin() + static_cast<ptrdiff_t>(first) + 1));
}

//   after_tokens 5, end_id 49, forced {48, 49, 47}
//   free:   a b c d e f g ...            -> a b c d e 48 49 47 x y ...
//   ended:  a b 49 d e f g               -> as free
TEST(Scheduler, AForcedEndFollowsTheBudgetUnlessTheEndCameItself) {
  SequenceRequest request = request_of(8, 30, 3);
  const std::vector<TokenId> free = alone(request);
  request.forced_end = ForcedEnd{5, 49, {48, 49, 47}};
  ASSERT_EQ(std::find(free.begin(), free.begin() + 5, 49), free.begin() + 5) << "choose another seed";
  const std::vector<TokenId> forced = alone(request);
  EXPECT_TRUE(std::equal(free.begin(), free.begin() + 5, forced.begin()));
  EXPECT_EQ(std::vector<TokenId>(forced.begin() + 5, forced.begin() + 8), (std::vector<TokenId>{48, 49, 47}));
  EXPECT_EQ(forced.size(), 30u);

  for (const size_t cut : {size_t{3}, size_t{5}, size_t{6}, size_t{8}, size_t{9}}) {  // resumed inside and around it
    SequenceRequest rest = request;
    rest.resume.assign(forced.begin(), forced.begin() + static_cast<ptrdiff_t>(cut));
    EXPECT_EQ(alone(rest), std::vector<TokenId>(forced.begin() + static_cast<ptrdiff_t>(cut), forced.end())) << cut;
  }

  request.forced_end->end_id = free[2];
  EXPECT_EQ(alone(request), free);
}

TEST(Scheduler, LogprobsAreReportedForForcedTokensToo) {
  SequenceRequest request = request_of(8, 10, 3);
  request.sampling.logprobs = true;
  request.sampling.top_logprobs = 3;
  request.forced_end = ForcedEnd{2, 49, {48, 49}};
  Bench bench(64);
  const Record& record = bench.add(1, request);
  bench.run();
  ASSERT_EQ(record.logprobs.size(), 10u);
  for (const float logprob : record.logprobs) EXPECT_LT(logprob, 0);
}

}  // namespace
}  // namespace studio::engine
