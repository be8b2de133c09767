// Beginnings that a caller marked: held for their time, for their salt alone, and told as they are.
#include <gtest/gtest.h>

#include <utility>

#include "engine/schedule/scheduler_bench_for_test.h"

namespace studio::engine {
namespace {

constexpr int kMark = 1200;  // 75 pages

// 1,200 tokens that all have, then some of its own.
SequenceRequest marked(uint64_t seed, std::vector<int> marks = {kMark}, uint64_t salt = 7) {
  SequenceRequest request = request_of(kMark, 4, 1000);
  const SequenceRequest rest = request_of(40, 4, seed);
  request.prompt.insert(request.prompt.end(), rest.prompt.begin(), rest.prompt.end());
  request.cache_marks = std::move(marks);
  request.prefix_salt = salt;
  return request;
}

// {held before, held from now on}
using Told = std::pair<int, int>;

std::vector<TokenId> without_holding(SequenceRequest request) {
  request.cache_marks.clear();
  Bench bench(200, {.share_prefixes = false});
  bench.add(1, std::move(request));
  bench.run();
  return bench.records[1].ids;
}

struct Holding : Bench {
  using Bench::Bench;
  Told ask(const SequenceRequest& request) {
    const Record& record = add(++last_, request);
    run();
    EXPECT_EQ(record.ids, without_holding(request));
    return {record.usage.held_tokens, record.usage.newly_held_tokens};
  }
  void wait(std::chrono::seconds time) { model.now += time; }
  void press(int pages) {  // with prompts of another key
    for (int i = 0; i < pages / 50; ++i) ask(request_of(50 * kPageTokens, 1, 5000 + ++last_));
  }
  int held() const { return scheduler->prefixes().pages_held(); }
  uint64_t last_ = 0;
};

TEST(PrefixHolding, WhatOneRequestMarksTheNextFinds) {
  Holding bench(400);
  EXPECT_EQ(bench.ask(marked(1)), Told(0, kMark));
  EXPECT_EQ(bench.held(), kMark / kPageTokens);
  EXPECT_EQ(bench.ask(marked(2)), Told(kMark, 0));
  EXPECT_EQ(bench.ask(marked(1)), Told(kMark, 0)) << "found whole, without a pass";
  EXPECT_EQ(bench.held(), kMark / kPageTokens);
}

TEST(PrefixHolding, AnotherKeyFindsNothing) {
  Holding bench(500);
  bench.ask(marked(1, {kMark}, 7));
  EXPECT_EQ(bench.ask(marked(1, {kMark}, 8)), Told(0, kMark));
  EXPECT_EQ(bench.ask(marked(1, {kMark}, 0)), Told(0, kMark));
  EXPECT_EQ(bench.ask(marked(1, {kMark}, 7)), Told(kMark, 0));
}

TEST(PrefixHolding, PublicPagesAreHeldByEachKeyForItself) {
  Holding bench(400);
  SequenceRequest one = marked(1, {kMark}, 7), other = marked(1, {kMark}, 8);
  one.public_tokens = other.public_tokens = kMark;
  EXPECT_EQ(bench.ask(one), Told(0, kMark));
  EXPECT_EQ(bench.ask(other), Told(0, kMark));
  EXPECT_EQ(bench.held(), kMark / kPageTokens) << "the same pages";
  EXPECT_EQ(bench.ask(other), Told(kMark, 0));
}

TEST(PrefixHolding, ShortBeginningsAreWithoutEffect) {
  Holding bench(400);
  EXPECT_EQ(bench.ask(marked(1, {kLeastHeldTokens - 1})), Told(0, 0));
  EXPECT_EQ(bench.held(), 0);
  EXPECT_EQ(bench.ask(marked(1, {kLeastHeldTokens})), Told(0, kLeastHeldTokens));
}

TEST(PrefixHolding, AMarkHoldsWholePages) {
  Holding bench(400);
  EXPECT_EQ(bench.ask(marked(1, {1039})), Told(0, 1024));
}

TEST(PrefixHolding, OfSeveralMarksTheLongestThatIsThereCounts) {
  Holding bench(400);
  EXPECT_EQ(bench.ask(marked(1, {1040, kMark, 1232})), Told(0, 1232));
  EXPECT_EQ(bench.ask(marked(2, {1040, kMark, 1232})), Told(kMark, 32)) << "its own part is new";
  EXPECT_EQ(bench.ask(marked(3, {1040})), Told(1040, 0));
  EXPECT_EQ(bench.ask(marked(3, {1060})), Told(1040, 16));
  EXPECT_EQ(bench.ask(marked(3, {})), Told(0, 0)) << "without a mark nothing is told";
}

TEST(PrefixHolding, EndsAfterItsTimeAndGoesOnWithEachFind) {
  Holding bench(400);
  bench.ask(marked(1));
  bench.wait(std::chrono::seconds(299));
  EXPECT_EQ(bench.ask(marked(2)), Told(kMark, 0));
  bench.wait(std::chrono::seconds(299));
  EXPECT_EQ(bench.ask(marked(3)), Told(kMark, 0));
  bench.wait(std::chrono::seconds(301));
  EXPECT_EQ(bench.ask(marked(4)), Told(0, kMark));
}

// 200 pages: what is held, and room for two of the others.
TEST(PrefixHolding, WhatIsHeldOutlastsWhatOthersAsk) {
  Holding bench(200);
  bench.ask(marked(1));
  bench.press(600);
  const int before = bench.computed;
  EXPECT_EQ(bench.ask(marked(2)), Told(kMark, 0));
  EXPECT_EQ(bench.computed - before, 40) << "its own part alone";

  bench.wait(kHeldFor);
  bench.press(600);
  const int later = bench.computed;
  EXPECT_EQ(bench.ask(marked(3)), Told(0, kMark));
  EXPECT_EQ(bench.computed - later, kMark + 40) << "once its time was over it went like all others";
}

TEST(PrefixHolding, NoMoreThanItsShareIsHeld) {
  Holding bench(200);
  EXPECT_EQ(bench.ask(marked(1)), Told(0, kMark));
  SequenceRequest other = request_of(1300, 1, 9);
  other.cache_marks = {1100};
  EXPECT_EQ(bench.ask(other), Told(0, 0)) << "75 pages are held, and 68 more were over the half";
  EXPECT_LE(bench.held(), 100);
}

TEST(PrefixHolding, WhoMarksMuchLosesWhatHeMarkedFirst) {
  Holding bench(400);
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SequenceRequest own = request_of(1100, 1, 100 + seed);
    own.cache_marks = {1088};  // 68 pages: two of them fit
    own.prefix_salt = 3;
    EXPECT_EQ(bench.ask(own), Told(0, 1088)) << seed;
    EXPECT_EQ(bench.ask(own), Told(1088, 0)) << seed;
    bench.wait(std::chrono::seconds(1));
  }
  EXPECT_EQ(bench.held(), 2 * 68);
}

TEST(PrefixHolding, WhoRunsGetsHeldPagesWhenNoOthersAreLeft) {
  Holding bench(100);
  EXPECT_EQ(bench.ask(marked(1, {kLeastHeldTokens})), Told(0, 0)) << "64 pages are over the half of 100";
  Holding larger(140);
  EXPECT_EQ(larger.ask(marked(1, {kLeastHeldTokens})), Told(0, kLeastHeldTokens));
  larger.ask(request_of(130 * kPageTokens, 1, 3));
  EXPECT_LT(larger.held(), kLeastHeldTokens / kPageTokens);
  EXPECT_EQ(larger.ask(marked(1, {kLeastHeldTokens})), Told(0, kLeastHeldTokens)) << "told as it is";
}

TEST(PrefixHolding, WithoutSharingNothingIsHeld) {
  Holding bench(400, SchedulerLimits{.share_prefixes = false});
  EXPECT_EQ(bench.ask(marked(1)), Told(0, 0));
}

}  // namespace
}  // namespace studio::engine
