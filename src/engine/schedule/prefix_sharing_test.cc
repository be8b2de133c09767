#include "engine/schedule/prefix_sharing.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/schedule/scheduler_bench_for_test.h"

namespace studio::engine {
namespace {

// `shared` tokens that all have, then some of its own.
SequenceRequest branch_of(int shared, int own, int max_new, uint64_t seed) {
  SequenceRequest request = request_of(shared, max_new, 1000);
  const SequenceRequest rest = request_of(own, max_new, seed);
  request.prompt.insert(request.prompt.end(), rest.prompt.begin(), rest.prompt.end());
  request.sampling = rest.sampling;
  request.sampling.logprobs = true;
  return request;
}

Record without_sharing(const SequenceRequest& request) {
  Bench bench(64, {.share_prefixes = false});
  bench.add(1, request);
  bench.run();
  return bench.records[1];
}

// The model is not asked for the first token of a prompt whose end is kept, wherever in a page it ends.
TEST(PrefixSharing, TheSamePromptAgainIsAnsweredWithoutAPass) {
  for (const int own : {7, 11, 12, 13}) {  // 107, 111, 112 and 113 tokens
    Bench bench(64);
    const SequenceRequest request = branch_of(100, own, 9, 1);
    bench.add(1, request);
    bench.run();
    EXPECT_EQ(bench.computed, 100 + own);
    const size_t passes = bench.model.steps.size();
    bench.add(2, request);
    const StepCounts counts = bench.step();
    EXPECT_EQ(counts.sequences, 0);
    EXPECT_EQ(counts.produced_tokens, 1);
    EXPECT_EQ(bench.records[2].ids.size(), 1u);
    EXPECT_EQ(bench.model.steps.size(), passes);
    bench.run();
    EXPECT_EQ(bench.model.steps.size(), passes + 8) << "one for each token after the first";
    EXPECT_EQ(bench.records[1].usage.cached_tokens, 0);
    EXPECT_EQ(bench.records[2].usage.cached_tokens, 100 + own);
    EXPECT_EQ(bench.records[2].ids, bench.records[1].ids);
    EXPECT_EQ(bench.records[2].logprobs, bench.records[1].logprobs);
    EXPECT_EQ(bench.scheduler->prefixes().prefills(), 1u);
    EXPECT_EQ(bench.scheduler->prefixes().whole_prompts(), 1u);
  }
}

TEST(PrefixSharing, AKeptEndServesOtherSeedsAndStandsBesideOthersInAStep) {
  Bench bench(200, {.max_sequences = 4});
  SequenceRequest request = branch_of(100, 7, 9, 1);
  bench.add(1, request);
  bench.run();
  bench.add(2, branch_of(100, 20, 9, 2));  // computes in the step that draws for those after it
  std::map<uint64_t, SequenceRequest> again;
  for (uint64_t id = 3; id <= 6; ++id) {
    request.sampling.seed = id;
    again[id] = request;
    bench.add(id, request);
  }
  bench.run();
  for (const auto& [id, asked] : again) {
    const Record expected = without_sharing(asked);
    EXPECT_EQ(bench.records[id].ids, expected.ids);
    EXPECT_EQ(bench.records[id].logprobs, expected.logprobs);
  }
  EXPECT_EQ(bench.records[2].ids, without_sharing(branch_of(100, 20, 9, 2)).ids);
  EXPECT_EQ(bench.scheduler->prefixes().whole_prompts(), 4u);
  EXPECT_EQ(bench.computed, 107 + 20);
}

TEST(PrefixSharing, AnAnswerOfOneTokenNeedsNoPassAtAll) {
  Bench bench(64);
  const SequenceRequest request = branch_of(64, 0, 1, 1);
  bench.add(1, request);
  bench.run();
  const size_t passes = bench.model.steps.size();
  for (uint64_t id = 2; id <= 9; ++id) bench.add(id, request);
  bench.run();
  EXPECT_EQ(bench.model.steps.size(), passes);
  for (uint64_t id = 2; id <= 9; ++id) EXPECT_EQ(bench.records[id].ids, bench.records[1].ids);
}

TEST(PrefixSharing, APromptThatEndsWithinAKnownOneComputesItsLastTokenAlone) {
  Bench bench(64);
  SequenceRequest request = branch_of(100, 7, 9, 1);
  bench.add(1, request);
  bench.run();
  const size_t passes = bench.model.steps.size();
  request.prompt.pop_back();
  bench.add(2, request);
  bench.step();
  EXPECT_EQ(bench.model.steps[passes], std::vector<int>{1});
  bench.run();
  EXPECT_EQ(bench.records[2].usage.cached_tokens, 105);
  EXPECT_EQ(bench.records[2].ids, without_sharing(request).ids);
  EXPECT_EQ(bench.scheduler->prefixes().cached_tokens(), 105u);
}

TEST(PrefixSharing, APublicBeginningIsComputedOnceForAllSalts) {
  Bench bench(200, {.max_sequences = 4});
  for (uint64_t id = 1; id <= 4; ++id) {
    SequenceRequest request = branch_of(96, 5, 6, id);
    request.prefix_salt = id;
    request.public_tokens = 90;  // five pages and a part of the sixth
    bench.add(id, request);
  }
  bench.run();
  EXPECT_EQ(bench.scheduler->prefixes().prefills(), 1u);
  EXPECT_EQ(bench.computed, 101 + 3 * (101 - 80));
  for (uint64_t id = 1; id <= 4; ++id) {
    EXPECT_EQ(bench.records[id].usage.cached_tokens, id == 1 ? 0 : 80);
    EXPECT_EQ(bench.records[id].ids, without_sharing(branch_of(96, 5, 6, id)).ids);
  }
}

TEST(PrefixSharing, AConversationGoesOnFromItsLastToken) {
  Bench bench(64);
  SequenceRequest turn = branch_of(50, 3, 20, 1);
  bench.add(1, turn);
  bench.run();
  const std::vector<TokenId>& said = bench.records[1].ids;
  turn.prompt.insert(turn.prompt.end(), said.begin(), said.end());
  for (const TokenId id : {3, 1, 4}) turn.prompt.push_back(id);
  bench.add(2, turn);
  bench.run();
  // The answer's last token was drawn and never computed.
  EXPECT_EQ(bench.records[2].usage.cached_tokens, 50 + 3 + 19);
  EXPECT_EQ(bench.records[2].ids, without_sharing(turn).ids);
}

TEST(PrefixSharing, ManyAtOnceWithOnePrefixComputeItOnce) {
  Bench bench(200, {.max_sequences = 8, .prompt_chunk = 64});
  for (uint64_t id = 1; id <= 8; ++id) bench.add(id, branch_of(320, 5, 6, id));
  bench.run();
  EXPECT_EQ(bench.computed, 325 + 7 * 5);
  EXPECT_EQ(bench.scheduler->prefixes().prefills(), 1u);
  for (const auto& [id, record] : bench.records) {
    EXPECT_EQ(record.usage.cached_tokens, id == 1 ? 0 : 320);
    EXPECT_EQ(record.ids, without_sharing(branch_of(320, 5, 6, id)).ids);
  }
}

TEST(PrefixSharing, AnotherSaltComputesForItself) {
  Bench bench(200, {.max_sequences = 4});
  for (uint64_t id = 1; id <= 4; ++id) {
    SequenceRequest request = branch_of(96, 5, 6, 1);
    request.prefix_salt = id % 2;
    bench.add(id, request);
  }
  bench.run();
  EXPECT_EQ(bench.scheduler->prefixes().prefills(), 2u);
  EXPECT_EQ(bench.records[1].usage.cached_tokens, 0);
  EXPECT_EQ(bench.records[2].usage.cached_tokens, 0);
  EXPECT_EQ(bench.records[3].usage.cached_tokens, 96);
  EXPECT_EQ(bench.records[4].usage.cached_tokens, 96);
}

TEST(PrefixSharing, OffMeansEveryTokenIsComputed) {
  Bench bench(200, {.max_sequences = 4, .share_prefixes = false});
  for (uint64_t id = 1; id <= 4; ++id) bench.add(id, branch_of(96, 5, 6, 1));
  bench.run();
  EXPECT_EQ(bench.computed, 4 * 101);
  EXPECT_EQ(bench.scheduler->prefixes().prefills(), 4u);
  EXPECT_EQ(bench.pages->idle(), 0);
}

// The one that computes the prefix goes in its midst: the next goes on from there, the third waits for that one.
TEST(PrefixSharing, ACancelledLeaderHandsOverWhatItComputed) {
  Bench bench(200, {.max_sequences = 3, .prompt_chunk = 64});
  for (uint64_t id = 1; id <= 3; ++id) bench.add(id, branch_of(320, 5, 6, id));
  bench.step();
  bench.step();
  EXPECT_EQ(bench.computed, 128);
  bench.scheduler->cancel(1);
  bench.run();
  EXPECT_EQ(bench.computed, 320 + 5 + 5);
  EXPECT_EQ(bench.scheduler->prefixes().prefills(), 1u);
  EXPECT_EQ(bench.records[2].usage.cached_tokens, 128);
  EXPECT_EQ(bench.records[3].usage.cached_tokens, 320);
  for (const uint64_t id : {2, 3}) EXPECT_EQ(bench.records[id].ids, without_sharing(branch_of(320, 5, 6, id)).ids);
}

TEST(PrefixSharing, ALeaderThatFailsLeavesOnlyWhatOthersHold) {
  Bench bench(200, {.max_sequences = 2, .prompt_chunk = 64});
  bench.model.fails_at = kVocab;
  SequenceRequest failing = branch_of(320, 40, 6, 1);
  failing.prompt.back() = kVocab;
  bench.add(1, failing);
  bench.add(2, branch_of(320, 5, 6, 2));
  bench.run();
  EXPECT_EQ(bench.records[1].finish, FinishReason::kError);
  EXPECT_EQ(bench.records[2].ids, without_sharing(branch_of(320, 5, 6, 2)).ids);
  EXPECT_EQ(bench.computed, 360 + 5);
  bench.add(3, failing);
  bench.run();
  EXPECT_EQ(bench.records[3].usage.cached_tokens, 320) << "the pages after them are forgotten";

  Bench alone(200, {.prompt_chunk = 64});
  alone.model.fails_at = kVocab;
  alone.add(1, failing);
  alone.run();
  EXPECT_EQ(alone.pages->idle(), 0);
}

TEST(PrefixSharing, APreemptedSequenceFindsWhatNobodyNeededMeanwhile) {
  Bench bench(12, {.max_sequences = 2});
  bench.add(1, branch_of(0, 60, 60, 1));
  bench.add(2, branch_of(0, 60, 60, 2));
  bench.run();
  EXPECT_GT(bench.scheduler->preemptions(), 0u);
  for (const uint64_t id : {1, 2}) {
    EXPECT_EQ(bench.records[id].ids, without_sharing(branch_of(0, 60, 60, id)).ids);
    EXPECT_EQ(bench.records[id].usage.cached_tokens, 0) << "what it computed itself is no find";
  }
  EXPECT_LT(bench.computed, 120 + 100);
}

TEST(PrefixSharing, CachedPagesMakeRoomForNewcomers) {
  Bench bench(10, {.max_sequences = 2});
  for (uint64_t id = 1; id <= 20; ++id) {
    bench.add(id, branch_of(0, 100, 10, id));
    bench.run();
    EXPECT_EQ(bench.scheduler->preemptions(), 0u);
  }
  EXPECT_GT(bench.pages->idle(), 0);
}

// Whatever is shared, cut, cancelled and pushed out: every stream is the one it is alone.
TEST(PrefixSharing, RandomCrowdsGiveTheSameIdsAndLogprobs) {
  uint64_t preemptions = 0, cached = 0, cancelled = 0, whole = 0;
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    auto random = [&, next = uint64_t{0}](uint64_t limit) mutable { return random_bits(seed, 77, next++) % limit; };
    const bool is_tight = seed % 2 == 0;
    Bench bench(is_tight ? 11 : 120,
                {.max_sequences = 2 + static_cast<int>(random(6)), .prompt_chunk = 1 + static_cast<int>(random(80))});
    std::map<uint64_t, SequenceRequest> requests;
    uint64_t next_id = 1;
    while (next_id <= 24 || !bench.scheduler->idle()) {
      if (next_id <= 24 && random(3) == 0) {
        const int own = random(2) == 0 ? 5 : 1 + static_cast<int>(random(20));  // so that prompts come again
        SequenceRequest request =
            branch_of(static_cast<int>(random(7)) * 12, own, 1 + static_cast<int>(random(60)), 1 + random(3));
        request.prefix_salt = random(2);
        request.public_tokens = static_cast<int>(random(2)) * 32;
        requests[next_id] = request;
        bench.add(next_id++, request);
      }
      if (random(12) == 0) bench.scheduler->cancel(1 + random(next_id));
      bench.step();
    }
    EXPECT_EQ(bench.pages->free(), bench.pages->total());
    preemptions += bench.scheduler->preemptions();
    cached += bench.scheduler->prefixes().cached_tokens();
    whole += bench.scheduler->prefixes().whole_prompts();
    for (const auto& [id, record] : bench.records) {
      const Record expected = without_sharing(requests[id]);
      ASSERT_EQ(record.finishes, 1);
      if (record.finish == FinishReason::kCancelled) {
        ++cancelled;
        ASSERT_LE(record.ids.size(), expected.ids.size());
        ASSERT_TRUE(std::equal(record.ids.begin(), record.ids.end(), expected.ids.begin())) << seed << "/" << id;
        continue;
      }
      ASSERT_EQ(record.ids, expected.ids) << seed << "/" << id;
      ASSERT_EQ(record.logprobs, expected.logprobs) << seed << "/" << id;
      ASSERT_LE(record.usage.cached_tokens, record.usage.prompt_tokens);
    }
    bench.scheduler.reset();
    EXPECT_EQ(bench.pages->idle(), 0);
    EXPECT_EQ(bench.pages->free(), bench.pages->total());
  }
  EXPECT_GT(preemptions, 20u);
  EXPECT_GT(cached, 2000u);
  EXPECT_GT(cancelled, 20u);
  EXPECT_GT(whole, 5u);
}

TEST(PrefixRoot, SaltAndAdapterBothPartTheTree) {
  const std::string one(64, '1'), two(64, '2');
  EXPECT_EQ(prefix_root(5, ""), 5u);
  EXPECT_EQ(prefix_root(kPublicSalt, ""), kPublicSalt);
  const std::set<uint64_t> roots = {prefix_root(5, ""),  prefix_root(6, ""),  prefix_root(5, one),
                                    prefix_root(6, one), prefix_root(5, two), prefix_root(kPublicSalt, one)};
  EXPECT_EQ(roots.size(), 6u);
  EXPECT_EQ(prefix_root(5, one), prefix_root(5, one));
}

}  // namespace
}  // namespace studio::engine
