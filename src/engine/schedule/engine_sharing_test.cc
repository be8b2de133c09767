// Prefix sharing on a real model: the same bits with it and without it, however the crowd comes and goes.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <thread>
#include <vector>

#include "engine/schedule/engine_for_test.h"

namespace studio::engine {
namespace {

constexpr int kRequests = 40;

// Some begin with all, some with half of one of two long texts; three tenants.
SequenceRequest crowd_member(const Engine& engine, uint64_t index) {
  auto random = [&, next = uint64_t{0}](uint64_t limit) mutable { return random_bits(index, 9, next++) % limit; };
  const SequenceRequest text = request_of(engine, 150, 1, 500 + random(2));
  SequenceRequest request =
      request_of(engine, 1 + static_cast<int>(random(20)), 4 + static_cast<int>(random(80)), index);
  const auto shared = static_cast<ptrdiff_t>(random(3) * 75);
  request.prompt.insert(request.prompt.begin(), text.prompt.begin(), text.prompt.begin() + shared);
  request.tenant = request.prefix_salt = random(3);
  request.weight = 1 + static_cast<int>(request.tenant);
  return request;
}

// Counters follow the last event of a stream.
void wait_until_idle(const Engine& engine) {
  while (engine.stats().running > 0) std::this_thread::yield();
}

struct Answer {
  std::vector<TokenId> ids;
  std::vector<float> logprobs;
};

// Every third one is cancelled after some tokens, if `cancels`.
std::vector<Answer> answers_of(Engine& engine, bool cancels) {
  std::deque<Stream> streams(kRequests);
  size_t ended = 0;
  for (uint64_t i = 0; i < kRequests; ++i) {
    Stream& stream = streams[i];
    auto id = engine.submit(crowd_member(engine, i), stream.sink());
    while (!id.ok() && ended < i) {  // the queue is full
      streams[ended++].wait();
      id = engine.submit(crowd_member(engine, i), stream.sink());
    }
    EXPECT_TRUE(id.ok());
    if (!cancels || i % 3 != 0 || !id.ok()) continue;
    stream.wait_for_tokens(1 + i % 4);
    engine.cancel(*id);
  }
  std::vector<Answer> answers;
  for (Stream& stream : streams) {
    stream.wait();
    answers.push_back({stream.ids, stream.logprobs});
  }
  wait_until_idle(engine);
  EXPECT_EQ(engine.stats().pages_free, engine.stats().pages_total);
  return answers;
}

// About the smallest pool that holds a context of 256 tokens.
EngineOptions tight() {
  EngineOptions options = options_of(2, 6);
  options.context_tokens = 256;
  options.speculation = Speculation::kOff;  // sequences that end sooner preempt less
  for (options.kv_bytes = 1 << 12; !Engine::load(options).ok(); options.kv_bytes += options.kv_bytes / 8) {
  }
  return options;
}

TEST(EngineSharing, GivesTheBitsOfARunWithoutIt) {
  EngineOptions alone = options_of(1, 1);
  alone.share_prefixes = false;
  const std::vector<Answer> expected = answers_of(*load(alone), false);

  EngineOptions roomy = options_of(2, 8), cut = options_of(2, 8), off = options_of(2, 8);
  cut.prompt_chunk = 13;
  off.share_prefixes = false;
  for (const EngineOptions& options : {roomy, cut, off, tight()}) {
    for (const bool cancels : {false, true}) {
      auto engine = load(options);
      const std::vector<Answer> found = answers_of(*engine, cancels);
      for (size_t i = 0; i < kRequests; ++i) {
        const bool may_be_cut = cancels && i % 3 == 0;
        const size_t length = may_be_cut ? found[i].ids.size() : expected[i].ids.size();
        ASSERT_LE(length, expected[i].ids.size());
        ASSERT_EQ(found[i].ids.size(), length);
        EXPECT_TRUE(std::equal(found[i].ids.begin(), found[i].ids.end(), expected[i].ids.begin())) << i;
        EXPECT_TRUE(std::equal(found[i].logprobs.begin(), found[i].logprobs.end(), expected[i].logprobs.begin())) << i;
      }
      EXPECT_EQ(engine->stats().cached_tokens > 0, options.share_prefixes);
      if (options.kv_bytes > 0) EXPECT_GT(engine->stats().preemptions, 0u);
    }
  }
}

TEST(EngineSharing, ACrowdWithOnePrefixMakesOnePrefill) {
  auto engine = load(options_of(2, 8));
  SequenceRequest request = request_of(*engine, 400, 4, 1);
  std::deque<Stream> streams(8);
  for (size_t i = 0; i < streams.size(); ++i) {
    request.prompt.back() = static_cast<TokenId>(i);
    ASSERT_TRUE(engine->submit(request, streams[i].sink()).ok());
  }
  for (Stream& stream : streams) stream.wait();
  wait_until_idle(*engine);
  const EngineStats stats = engine->stats();
  EXPECT_EQ(stats.prefills, 1u);
  EXPECT_EQ(stats.cached_tokens, 7u * 399);
  for (size_t i = 1; i < streams.size(); ++i) EXPECT_EQ(streams[i].usage.cached_tokens, 399);
}

}  // namespace
}  // namespace studio::engine
