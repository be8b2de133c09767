// Who waits for whom: between tenants, among the prompts of one, and for pages.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "engine/schedule/scheduler_bench_for_test.h"

namespace studio::engine {
namespace {

SequenceRequest request_of_tenant(uint64_t tenant, int prompt_tokens, int max_new, uint64_t seed, int weight = 1) {
  SequenceRequest request = request_of(prompt_tokens, max_new, seed);
  request.tenant = request.prefix_salt = tenant;
  request.weight = weight;
  return request;
}

TEST(SchedulerFairness, ALoneTenantsPromptGetsHalfBesideEightOfAnother) {
  Bench bench(2000);
  for (uint64_t id = 1; id <= 8; ++id) bench.add(id, request_of_tenant(1, 1000, 1, id));
  const Record& lone = bench.add(9, request_of_tenant(2, 1000, 1, 9));
  bench.run();
  // The time of 2,000 tokens, not of all 9,000; a step's more, as it shares its last one with the others too.
  EXPECT_LT(lone.seconds[0], 2000 * bench.model.times.token_seconds + 1.5 * kLongestStepSeconds);
}

TEST(SchedulerFairness, AWeightOfThreeGetsThreeQuarters) {
  Bench bench(2000);
  const Record& light = bench.add(1, request_of_tenant(1, 1000, 1, 1));
  const Record& heavy = bench.add(2, request_of_tenant(2, 3000, 1, 2, 3));
  bench.run();
  EXPECT_NEAR(heavy.seconds[0] / light.seconds[0], 1, 0.1);
}

// One document, and more short questions than there is room for, all of one tenant.
TEST(SchedulerFairness, ALongPromptOfOnesOwnIsHeldUpToTwiceItsTimeAtMost) {
  Bench bench(2000);
  bench.add(1, request_of_tenant(1, 4, 2000, 1));
  for (int i = 0; i < 5; ++i) bench.step();
  const double begun = bench.seconds();
  const Record& document = bench.add(2, request_of_tenant(1, 1000, 1, 2));
  uint64_t next_id = 3;
  for (int i = 0; document.finishes == 0; ++i) {
    ASSERT_LT(i, 10'000);
    if (i % 2 == 0) {
      bench.add(next_id, request_of_tenant(1, 40, 1, next_id));
      ++next_id;
    }
    bench.step();
  }
  // Each step has kPieceUnits for prompts at the least, and half of them are the document's.
  const double step = kStepStretch * (bench.model.times.pass_seconds + 2 * bench.model.times.token_seconds);
  EXPECT_LT(document.seconds[0] - begun, 2 * 1000.0 / kPieceUnits * step * 1.1);
  EXPECT_EQ(bench.records[10].finishes, 1) << "the questions had the other half";
  bench.scheduler->cancel(1);
  bench.run();
}

TEST(SchedulerFairness, AShortPromptDoesNotWaitForTheLongOnesBeforeIt) {
  Bench bench(4000);
  bench.add(1, request_of_tenant(1, 4, 500, 1));
  for (uint64_t id = 2; id <= 8; ++id) bench.add(id, request_of_tenant(1, 2000, 1, id));
  for (int i = 0; i < 20; ++i) bench.step();
  const double asked = bench.seconds();
  const Record& question = bench.add(9, request_of_tenant(1, 40, 1, 9));
  while (question.finishes == 0) bench.step();
  EXPECT_LT(question.seconds[0] - asked, 0.25);
  bench.scheduler.reset();
}

TEST(SchedulerFairness, ATenantWithoutAPlaceGetsOneOfWhoHasManyAfterAShortTurn) {
  Bench bench(400, {.max_sequences = 4});
  std::map<uint64_t, SequenceRequest> requests;
  for (uint64_t id = 1; id <= 6; ++id) requests[id] = request_of_tenant(1, 20, 300, id);
  for (uint64_t id = 1; id <= 6; ++id) bench.add(id, requests[id]);
  bench.step();
  requests[9] = request_of_tenant(2, 20, 50, 9);
  const Record& newcomer = bench.add(9, requests[9]);
  int steps = 0;
  while (newcomer.ids.empty()) bench.step(), ++steps;
  EXPECT_GE(steps, kShortTurn - 2);
  EXPECT_LE(steps, kShortTurn + 10);
  EXPECT_EQ(bench.scheduler->preemptions(), 1u);
  bench.run();
  for (const auto& [id, request] : requests) EXPECT_EQ(bench.records[id].ids, alone(request)) << id;
}

// More tenants than places, each with an answer longer than its turn.
TEST(SchedulerFairness, TenantsTakeTurnsWherePlacesAreFew) {
  Bench bench(400, {.max_sequences = 2});
  for (uint64_t id = 1; id <= 6; ++id) bench.add(id, request_of_tenant(id, 20, 700, id));
  const uint64_t bound = bench.scheduler->starvation_bound();
  while (!std::all_of(bench.records.begin(), bench.records.end(), [](auto& one) { return !one.second.ids.empty(); })) {
    bench.step();
    ASSERT_LT(bench.model.steps.size(), bound);
  }
  EXPECT_GE(bench.model.steps.size(), 2u * kLongTurn);
  EXPECT_LE(bench.model.steps.size(), 2u * kLongTurn + 20) << "two turns of two";
  bench.run();
  for (uint64_t id = 1; id <= 6; ++id) {
    EXPECT_EQ(bench.records[id].ids, alone(request_of_tenant(id, 20, 700, id)));
  }
}

// 1: 96 tokens, 2: 40 tokens, 3: 64 tokens; all 15 pages are in use. Of the younger ones 2 is the cheapest.
TEST(SchedulerFairness, TheSequenceThatIsCheapestToRecomputeGivesItsPages) {
  Bench bench(15, {.max_sequences = 3});
  bench.add(1, request_of_tenant(1, 94, 40, 1));
  bench.add(2, request_of_tenant(1, 30, 40, 2));
  bench.add(3, request_of_tenant(1, 62, 40, 3));
  while (bench.scheduler->preemptions() == 0) bench.step();
  const size_t before = bench.records[2].ids.size();
  bench.step();
  EXPECT_EQ(bench.scheduler->waiting(), 1);
  EXPECT_EQ(bench.records[2].ids.size(), before);
  bench.run();
  for (const auto& [id, tokens] : {std::pair<uint64_t, int>{1, 94}, {2, 30}, {3, 62}}) {
    EXPECT_EQ(bench.records[id].ids, alone(request_of_tenant(1, tokens, 40, id)));
  }
}

// Sequences over several times the pages and places there are, tenants of all weights, cancels: everybody is served
// within the bound that was told, ends once, and gets what it gets alone.
TEST(SchedulerFairness, NobodyStarvesLongerThanTold) {
  uint64_t preemptions = 0, longest = 0;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    auto random = [&, next = uint64_t{0}](uint64_t limit) mutable { return random_bits(seed, 31, next++) % limit; };
    Bench bench(14 + static_cast<int>(random(20)),
                {.max_sequences = 2 + static_cast<int>(random(5)), .prompt_chunk = 1 + static_cast<int>(random(60))});
    std::map<uint64_t, SequenceRequest> requests;
    uint64_t next_id = 1, told = 0;
    while (next_id <= 40 || !bench.scheduler->idle()) {
      if (next_id <= 40 && random(10) == 0) {
        const uint64_t tenant = 1 + random(5);
        requests[next_id] = request_of_tenant(tenant, 1 + static_cast<int>(random(100)),
                                              1 + static_cast<int>(random(random(2) == 0 ? 100 : 10)), next_id,
                                              static_cast<int>(tenant * tenant));
        bench.add(next_id, requests[next_id]);
        ++next_id;
        told = std::max(told, bench.scheduler->starvation_bound());
      }
      if (random(60) == 0) bench.scheduler->cancel(1 + random(next_id));
      bench.step();
      ASSERT_LE(bench.scheduler->shares().longest_unserved(), told) << seed;
    }
    EXPECT_EQ(bench.pages->free(), bench.pages->total());
    EXPECT_EQ(bench.scheduler->shares().size(), 0);
    preemptions += bench.scheduler->preemptions();
    longest = std::max(longest, bench.scheduler->shares().longest_unserved());
    for (const auto& [id, record] : bench.records) {
      ASSERT_EQ(record.finishes, 1);
      const std::vector<TokenId> expected = alone(requests[id]);
      ASSERT_TRUE(std::equal(record.ids.begin(), record.ids.end(), expected.begin())) << seed << "/" << id;
      if (record.finish != FinishReason::kCancelled) ASSERT_EQ(record.ids.size(), expected.size());
    }
  }
  EXPECT_GT(preemptions, 50u);
  EXPECT_GT(longest, 20u) << "nobody had to wait";
}

}  // namespace
}  // namespace studio::engine
