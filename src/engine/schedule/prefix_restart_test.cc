// Schedulers that start one after the other over one file of kept prefixes: work that the next one is spared, counted.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <vector>

#include "engine/kv/prefix_file_for_test.h"
#include "engine/schedule/scheduler_bench_for_test.h"

namespace studio::engine {
namespace {

constexpr int64_t kFileBytes = 1 << 20;  // 800 pages of the hash model
constexpr uint64_t kSystemSeed = 1000;

// A system prompt, then words of the user's.
SequenceRequest chat(int system, int user, int max_new, uint64_t seed) {
  SequenceRequest request = request_of(system, max_new, kSystemSeed);
  const SequenceRequest rest = request_of(user, max_new, seed);
  request.prompt.insert(request.prompt.end(), rest.prompt.begin(), rest.prompt.end());
  request.sampling = rest.sampling;
  request.sampling.logprobs = true;
  request.prefix_salt = 7;
  return request;
}

Record without_sharing(const SequenceRequest& request) {
  Bench bench(200, {.share_prefixes = false});
  bench.add(1, request);
  bench.run();
  return bench.records[1];
}

class PrefixRestart : public testing::Test {
 protected:
  std::unique_ptr<Bench> start(SchedulerLimits limits = {}, int pages = 200,
                               PrefixTree::Writes writes = PrefixTree::Writes::kAllPages) {
    auto bench = std::make_unique<Bench>(pages, limits);
    auto file = attach_file(
        folder.file("a.pages"),
        {.identity = identity_of(1), .page_bytes = bench->pages->shape().bytes_per_page(), .limit_bytes = kFileBytes});
    EXPECT_TRUE(file.ok());
    bench->scheduler->use_prefix_file(std::move(*file), writes);
    return bench;
  }
  // What a worker does while nobody asks.
  static void idle(Bench& bench) {
    for (int i = 0; i < 10000 && bench.scheduler->prefixes().has_unwritten(); ++i) bench.step();
    EXPECT_FALSE(bench.scheduler->prefixes().has_unwritten());
  }

  TestFolder folder;
};

TEST_F(PrefixRestart, ASystemPromptOf2000TokensCostsOnePassAfterARestart) {
  {
    auto bench = start();
    bench->add(1, chat(2000, 30, 4, 1));
    bench->run();
    idle(*bench);
    EXPECT_EQ(bench->computed, 2030);
  }
  auto bench = start();
  const SequenceRequest request = chat(2000, 30, 4, 2);
  Record& record = bench->add(1, request);
  while (record.ids.empty()) bench->step();
  EXPECT_EQ(bench->model.steps.size(), 1u) << "passes to the first token";
  EXPECT_EQ(bench->computed, 30) << "2000 tokens are 125 pages";
  EXPECT_EQ(bench->scheduler->prefixes().pages_restored(), 125u);
  EXPECT_EQ(bench->scheduler->prefixes().prefills(), 0u);
  bench->run();
  EXPECT_EQ(record.usage.cached_tokens, 2000);
  EXPECT_EQ(record.ids, without_sharing(request).ids);
  EXPECT_EQ(record.logprobs, without_sharing(request).logprobs);
}

TEST_F(PrefixRestart, WhoStopsRightAfterAnAnswerLosesNothingOfIt) {
  {
    auto bench = start();
    bench->add(1, chat(2000, 30, 4, 1));
    bench->run();
    ASSERT_TRUE(bench->scheduler->prefixes().has_unwritten()) << "a page a step, and the prompt took few";
    bench->scheduler->write_prefixes(std::chrono::hours(1));
    EXPECT_FALSE(bench->scheduler->prefixes().has_unwritten());
  }
  auto bench = start();
  bench->add(1, chat(2000, 30, 4, 2));
  bench->run();
  EXPECT_EQ(bench->records[1].usage.cached_tokens, 2000);
}

TEST_F(PrefixRestart, AStopWaitsForTheFileNoLongerThanItsTime) {
  auto bench = start();
  bench->add(1, chat(2000, 30, 4, 1));
  bench->run();
  bench->scheduler->write_prefixes(std::chrono::seconds(0));
  EXPECT_TRUE(bench->scheduler->prefixes().has_unwritten());
}

// Pages come a few in a step, between which others decode; who needs the same ones waits for them.
TEST_F(PrefixRestart, StreamsGoOnWhileAPrefixComesBack) {
  {
    auto bench = start();
    bench->add(1, chat(320, 5, 2, 1));
    bench->run();
    idle(*bench);
  }
  auto bench = start({.max_sequences = 4, .restored_bytes_per_step = 2 * 1024});
  SequenceRequest other = request_of(20, 40, 99);
  Record& running = bench->add(1, other);
  bench->step();
  for (uint64_t id = 2; id <= 4; ++id) bench->add(id, chat(320, 5, 6, id));
  for (int i = 0; i < 9; ++i) bench->step();
  EXPECT_EQ(running.ids.size(), 10u) << "a token in every step";
  EXPECT_TRUE(bench->records[2].ids.empty()) << "18 of 20 pages are there";
  bench->run();
  EXPECT_EQ(bench->scheduler->prefixes().pages_restored(), 20u);
  EXPECT_EQ(bench->computed, 20 + 3 * 5);
  EXPECT_EQ(running.ids, without_sharing(other).ids);
  for (uint64_t id = 2; id <= 4; ++id) {
    EXPECT_EQ(bench->records[id].usage.cached_tokens, 320);
    EXPECT_EQ(bench->records[id].ids, without_sharing(chat(320, 5, 6, id)).ids);
  }
}

TEST_F(PrefixRestart, OnlyWhatIsPublicOutlivesARestartWhereNoMoreIsWished) {
  SequenceRequest request = chat(100, 30, 4, 1);
  request.public_tokens = 100;
  {
    auto bench = start({}, 200, PrefixTree::Writes::kPublicPages);
    bench->add(1, request);
    bench->run();
    idle(*bench);
    EXPECT_EQ(bench->scheduler->prefixes().pages_in_file(), 6);
  }
  auto bench = start({}, 200, PrefixTree::Writes::kPublicPages);
  request.prefix_salt = 8;
  bench->add(1, request);
  bench->run();
  EXPECT_EQ(bench->records[1].usage.cached_tokens, 96);
}

// Whatever is shared, cut, cancelled, pushed out and restarted: every stream is the one it is alone.
TEST_F(PrefixRestart, RandomCrowdsOverManyLivesGiveTheSameIdsAndLogprobs) {
  uint64_t restored = 0;
  for (uint64_t seed = 1; seed <= 24; ++seed) {
    auto random = [&, next = uint64_t{0}](uint64_t limit) mutable { return random_bits(seed, 78, next++) % limit; };
    auto bench = start({.max_sequences = 1 + static_cast<int>(random(6)),
                        .prompt_chunk = 1 + static_cast<int>(random(80)),
                        .restored_bytes_per_step = 1024 * (1 + static_cast<int64_t>(random(8)))},
                       seed % 2 == 0 ? 14 : 120);
    std::map<uint64_t, SequenceRequest> requests;
    for (uint64_t id = 1; id <= 12 || !bench->scheduler->idle();) {
      if (id <= 12 && random(4) == 0) {
        requests[id] = chat(static_cast<int>(random(5)) * 24, 1 + static_cast<int>(random(20)),
                            1 + static_cast<int>(random(40)), 1 + random(3));
        requests[id].prefix_salt = random(2);
        bench->add(id, requests[id]);
        ++id;
      }
      if (random(20) == 0) bench->scheduler->cancel(1 + random(id));
      bench->step();
    }
    restored += bench->scheduler->prefixes().pages_restored();
    for (const auto& [id, record] : bench->records) {
      const Record expected = without_sharing(requests[id]);
      ASSERT_LE(record.ids.size(), expected.ids.size());
      if (record.finish != FinishReason::kCancelled) {
        ASSERT_EQ(record.ids.size(), expected.ids.size());
      }
      ASSERT_TRUE(std::equal(record.ids.begin(), record.ids.end(), expected.ids.begin())) << seed << "/" << id;
      ASSERT_TRUE(std::equal(record.logprobs.begin(), record.logprobs.end(), expected.logprobs.begin()));
    }
    EXPECT_EQ(bench->pages->free(), bench->pages->total());
  }
  EXPECT_GT(restored, 100u);
}

}  // namespace
}  // namespace studio::engine
