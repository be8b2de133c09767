// Speculation on a real model: the same bits with it and without, whatever is asked for.
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/schedule/engine_for_test.h"

namespace studio::engine {
namespace {

constexpr uint64_t kRequests = 48;

// A prompt that says everything twice, so that there is something to guess; every parameter with a say in the draw.
SequenceRequest request_with(const Engine& engine, uint64_t index) {
  SequenceRequest request =
      request_of(engine, 1 + static_cast<int>(index * 5 % 60), 1 + static_cast<int>(index * 11 % 70), index);
  const std::vector<TokenId> once = request.prompt;
  request.prompt.insert(request.prompt.end(), once.begin(), once.end());
  request.prefix_salt = index % 2;
  SamplingParams& sampling = request.sampling;
  sampling.seed = index / 4;                           // choices of one seed ...
  sampling.stream = static_cast<uint32_t>(index % 4);  // ... differ by their index, as n choices do
  sampling.temperature = std::array{0.0f, 0.2f, 0.7f, 1.0f, 0.0f}[index % 5];
  if (index % 4 == 1) sampling.top_k = 20;
  if (index % 4 == 2) sampling.top_p = 0.9f;
  if (index % 4 == 3) sampling.min_p = 0.05f;
  if (index % 6 == 1) sampling.repetition_penalty = 1.1f;
  if (index % 6 == 2) sampling.frequency_penalty = 0.5f;
  if (index % 6 == 3) sampling.presence_penalty = -1.0f;
  if (index % 6 == 4) sampling.logit_bias = {{5, 3.0f}, {7, -100.0f}};
  sampling.logprobs = index % 3 != 0;
  sampling.top_logprobs = sampling.logprobs ? static_cast<int>(index % 6) : 0;
  return request;
}

// All that a stream tells of each token, and its end.
struct Told {
  std::vector<TokenId> ids;
  std::vector<float> numbers;  // logprobs, alternatives with theirs
  std::vector<uint32_t> checks;
  FinishReason finish = FinishReason::kNone;
  int generated_tokens = 0;
  bool operator==(const Told&) const = default;
};

std::vector<Told> answers_of(Engine& engine, const std::vector<SequenceRequest>& requests) {
  std::vector<Told> told(requests.size());
  std::deque<Stream> streams(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    auto sink = [&answer = told[i], done = streams[i].sink()](const TokenEvent& event) {
      if (event.id >= 0) {
        EXPECT_EQ(event.index + 1, event.usage.generated_tokens);
        answer.ids.push_back(event.id);
        answer.numbers.push_back(event.logprob);
        answer.checks.push_back(event.check);
      }
      for (const TopLogprob& top : event.top_logprobs) {
        answer.numbers.push_back(static_cast<float>(top.id));
        answer.numbers.push_back(top.logprob);
      }
      answer.finish = event.finish;
      answer.generated_tokens = event.usage.generated_tokens;
      done(event);
    };
    EXPECT_TRUE(engine.submit(requests[i], sink).ok());
  }
  for (Stream& stream : streams) stream.wait();
  while (engine.stats().running > 0) std::this_thread::yield();
  EXPECT_EQ(engine.stats().pages_free, engine.stats().pages_total);
  return told;
}

TEST(EngineSpeculation, GivesTheBitsOfARunWithoutIt) {
  EngineOptions plain = options_of(1, 1);
  plain.speculation = Speculation::kOff;
  auto alone = load(plain);
  std::vector<SequenceRequest> requests;
  for (uint64_t i = 0; i < kRequests; ++i) requests.push_back(request_with(*alone, i));
  std::vector<Told> expected = answers_of(*alone, requests);
  EXPECT_EQ(alone->stats().drafted_tokens, 0u);
  // Some end at a token of their own answer, some go on from one.
  for (size_t i = 0; i < requests.size(); ++i) {
    const std::vector<TokenId>& ids = expected[i].ids;
    if (i % 5 == 1) requests[i].stop_ids = {ids[ids.size() / 2]};
    if (i % 5 == 3) requests[i].resume.assign(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(ids.size() / 2));
  }
  expected = answers_of(*alone, requests);

  EngineOptions few = options_of(2, 3), many = options_of(3, 16), cut = options_of(1, 2), usual = options_of(2, 4);
  for (EngineOptions* options : {&few, &many, &cut}) options->speculation = Speculation::kAlways;
  cut.prompt_chunk = 7;
  for (const EngineOptions& options : {few, many, cut, usual}) {
    auto engine = load(options);
    for (int round = 0; round < 2; ++round) {  // the second time the answers have been given before
      const std::vector<Told> found = answers_of(*engine, requests);
      for (size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(found[i], expected[i]) << i << " in round " << round;
    }
    const EngineStats stats = engine->stats();
    EXPECT_LE(stats.accepted_tokens, stats.drafted_tokens);
    if (options.speculation != Speculation::kAlways) continue;
    EXPECT_GT(stats.accepted_tokens, 500u);
    EXPECT_GT(stats.drafted_tokens, stats.accepted_tokens + 200) << "too little was rejected to show anything";
  }
}

TEST(EngineSpeculation, AnAnswerGivenBeforeTakesFewerPasses) {
  auto engine = load(options_of());
  SequenceRequest request = request_of(*engine, 60, 120, 1);
  const auto passes = [&] {
    const uint64_t before = engine->stats().steps;
    answers_of(*engine, {request});
    return engine->stats().steps - before;
  };
  const uint64_t first = passes(), second = passes();
  EXPECT_LT(2 * second, first);
}

TEST(EngineSpeculation, ACancelledSequenceGivesItsPagesBack) {
  EngineOptions options = options_of();
  options.speculation = Speculation::kAlways;
  auto engine = load(options);
  for (uint64_t seed = 0; seed < 8; ++seed) {
    Stream stream;
    SequenceRequest request = request_with(*engine, seed);
    request.max_new_tokens = 300;
    const auto id = engine->submit(request, stream.sink()).value();
    stream.wait_for_tokens(20 + seed);
    engine->cancel(id);
    stream.wait();
    EXPECT_EQ(stream.usage.generated_tokens, static_cast<int>(stream.ids.size()));
  }
  while (engine->stats().running > 0) std::this_thread::yield();
  EXPECT_EQ(engine->stats().pages_free, engine->stats().pages_total);
}

}  // namespace
}  // namespace studio::engine
