#include "engine/schedule/engine.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "engine/kernels/kernel_set.h"
#include "engine/schedule/engine_for_test.h"

namespace studio::engine {
namespace {

constexpr int kRequests = 12;

// All requests at once; ids and logprobs in order.
std::pair<std::vector<std::vector<TokenId>>, std::vector<std::vector<float>>> run_all(const EngineOptions& options) {
  auto engine = load(options);
  std::vector<Stream> streams(kRequests);
  for (int i = 0; i < kRequests; ++i) {
    const SequenceRequest request = request_of(*engine, 1 + i * 17, 5 + i * 3, static_cast<uint64_t>(i));
    EXPECT_TRUE(engine->submit(request, streams[static_cast<size_t>(i)].sink()).ok());
  }
  std::pair<std::vector<std::vector<TokenId>>, std::vector<std::vector<float>>> result;
  for (Stream& stream : streams) {
    stream.wait();
    result.first.push_back(stream.ids);
    result.second.push_back(stream.logprobs);
  }
  return result;
}

TEST(Engine, GivesTheSameBitsForEveryBatchChunkThreadCountAndKernelSet) {
  EngineOptions alone = options_of(1, 1);
  alone.kernels = KernelChoice::kScalar;
  const auto expected = run_all(alone);
  EXPECT_EQ(expected.first[3].size(), 14u);
  std::vector<EngineOptions> settings;
  for (const KernelSet* set : available_kernels()) {
    EngineOptions options = options_of(2, 7);
    options.kernels = parse_kernel_choice(set->name).value();
    options.prompt_chunk = 17;
    settings.push_back(options);
  }
  settings.push_back(options_of(3, 16));
  settings.push_back(options_of(8, 2));
  settings.back().prompt_chunk = 1;
  for (const EngineOptions& options : settings) {
    const auto found = run_all(options);
    EXPECT_EQ(found.first, expected.first) << options.threads << " threads, chunk " << options.prompt_chunk;
    EXPECT_EQ(found.second, expected.second);
  }
}

TEST(Engine, ChecksItsIdsAlsoAcrossAResumption) {
  auto engine = load(options_of());
  SequenceRequest request = request_of(*engine, 5, 12, 3);
  std::mutex mutex;
  for (const size_t resumed : {size_t{0}, size_t{7}}) {
    uint32_t check = kFirstCheck;
    for (const TokenId id : request.resume) check = next_check(check, id);
    Stream stream;
    auto sink = [&, collect = stream.sink()](const TokenEvent& event) {
      std::scoped_lock lock(mutex);
      if (event.id >= 0) {
        check = next_check(check, event.id);
        EXPECT_EQ(event.check, check);
      }
      collect(event);
    };
    ASSERT_TRUE(engine->submit(request, sink).ok());
    stream.wait();
    EXPECT_EQ(stream.ids.size(), 12 - request.resume.size());
    if (resumed == 0) request.resume.assign(stream.ids.begin(), stream.ids.begin() + 7);
  }
}

TEST(Engine, ShowsProgressWithinAStepAndStandsStillWithoutWork) {
  auto engine = load(options_of());
  const uint64_t before = engine->stats().progress;
  EXPECT_EQ(engine->stats().progress, before);
  Stream stream;
  ASSERT_TRUE(engine->submit(request_of(*engine, 300, 1, 1), stream.sink()).ok());  // one step
  stream.wait();
  EXPECT_GT(engine->stats().progress, before + 10);
}

TEST(Engine, TellsWhatItLoaded) {
  auto engine = load(options_of());
  const EngineInfo& info = engine->info();
  EXPECT_EQ(info.architecture, "qwen3");
  EXPECT_EQ(info.digest.size(), 64u);
  EXPECT_EQ(info.threads, 2);
  EXPECT_GT(info.vocab_size, 0);
  EXPECT_GT(info.context_tokens, 0);
  EXPECT_GT(info.parameters, 0);
  EXPECT_GT(info.weight_bytes, 0);
  EXPECT_EQ(load(options_of(1))->info().digest, info.digest);
}

TEST(Engine, RefusesWhatDoesNotFitNamingIt) {
  auto engine = load(options_of());
  const int context = engine->info().context_tokens;
  const auto refusal = [&](auto change, Code code = Code::kInvalidArgument) {
    SequenceRequest request = request_of(*engine, 10, 10, 1);
    change(request);
    auto id = engine->submit(std::move(request), [](const TokenEvent&) {});
    EXPECT_FALSE(id.ok());
    if (id.ok()) return std::string();
    EXPECT_EQ(id.error().code(), code);
    return id.error().param() + ": " + id.error().message();
  };
  const std::string too_long = refusal([&](auto& r) { r.max_new_tokens = context - 9; });
  EXPECT_NE(too_long.find(std::to_string(context)), std::string::npos) << too_long;
  EXPECT_NE(too_long.find("10"), std::string::npos) << too_long;
  EXPECT_EQ(refusal([&](auto& r) { r.prompt.clear(); }).rfind("prompt", 0), 0u);
  EXPECT_EQ(refusal([&](auto& r) { r.prompt[3] = engine->info().vocab_size; }).rfind("prompt", 0), 0u);
  EXPECT_EQ(refusal([&](auto& r) { r.prompt[3] = -1; }).rfind("prompt", 0), 0u);
  EXPECT_EQ(refusal([&](auto& r) { r.max_new_tokens = 0; }).rfind("max_", 0), 0u);
  EXPECT_EQ(refusal([&](auto& r) { r.resume.assign(11, 1); }).rfind("resume", 0), 0u);
  EXPECT_EQ(refusal([&](auto& r) { r.sampling.top_p = 0; }, Code::kOutOfRange).rfind("top_p", 0), 0u);
  EXPECT_EQ(refusal([&](auto& r) { r.weight = 0; }).rfind("weight", 0), 0u);
  EXPECT_EQ(refusal([&](auto& r) { r.weight = kMaxWeight + 1; }).rfind("weight", 0), 0u);
  EXPECT_EQ(refusal([&](auto& r) { r.forced_end = ForcedEnd{-1, 1, {}}; }).rfind("forced_end", 0), 0u);
  EXPECT_EQ(refusal([&](auto& r) { r.forced_end = ForcedEnd{1, 1, {-5}}; }).rfind("forced_end", 0), 0u);
}

TEST(Engine, RefusesOptionsOutOfRangeNamingThem) {
  const auto param = [](auto change) {
    EngineOptions options = options_of();
    change(options);
    auto engine = Engine::load(options);
    return engine.ok() ? std::string("ok") : engine.error().param();
  };
  EXPECT_EQ(param([](auto& o) { o.threads = -1; }), "threads");
  EXPECT_EQ(param([](auto& o) { o.max_sequences = 0; }), "max_sequences");
  EXPECT_EQ(param([](auto& o) { o.max_sequences = 497; }), "max_sequences");
  EXPECT_EQ(param([](auto& o) { o.step_ms = -1; }), "step_ms");
  EXPECT_EQ(param([](auto& o) { o.max_queue = -1; }), "max_queue");
  EXPECT_EQ(param([](auto& o) { o.prompt_chunk = 513; }), "prompt_chunk");
  EXPECT_EQ(param([](auto& o) { o.context_tokens = -1; }), "context_tokens");
  EXPECT_EQ(param([](auto& o) { o.context_tokens = 1 << 30; }), "context_tokens");
  EXPECT_EQ(param([](auto& o) { o.kv_bytes = -1; }), "kv_bytes");
  EXPECT_EQ(param([](auto& o) { o.context_tokens = 256, o.kv_bytes = 1; }), "kv_bytes");
  EXPECT_FALSE(parse_kernel_choice("sse9").ok());
  EngineOptions missing = options_of();
  missing.model_path = "/nowhere/model.gguf";
  EXPECT_FALSE(Engine::load(missing).ok());
}

TEST(Engine, AFullQueueAnswersOverloadedAndRecovers) {
  EngineOptions options = options_of(1, 1);
  options.max_queue = 2;
  auto engine = load(options);
  std::vector<Stream> streams(3);
  std::vector<Engine::SequenceId> ids;
  for (Stream& stream : streams) {
    ids.push_back(engine->submit(request_of(*engine, 5, 200, 1), stream.sink()).value());
  }
  auto refused = engine->submit(request_of(*engine, 5, 5, 1), [](const TokenEvent&) { FAIL(); });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kOverloaded);
  EXPECT_TRUE(refused.error().retry_after().has_value());
  for (const auto id : ids) engine->cancel(id);
  for (Stream& stream : streams) stream.wait();
  Stream after;
  while (!engine->submit(request_of(*engine, 5, 5, 1), after.sink()).ok()) std::this_thread::yield();
  after.wait();
  EXPECT_EQ(after.ids.size(), 5u);
}

TEST(Engine, LongPromptsFillTheQueueByTheirPages) {
  EngineOptions options = options_of(1, 1);
  options.context_tokens = 512;
  options.max_queue = 1000;
  auto engine = load(options);
  const int pages_of_prompt = 500 / 16 + 1;
  const int most = 9 * engine->stats().pages_total / pages_of_prompt;
  std::vector<Engine::SequenceId> ids;
  Result<Engine::SequenceId> last = Error(Code::kInternal, "none");
  for (int i = 0; i < 1000; ++i) {
    last = engine->submit(request_of(*engine, 500, 12, static_cast<uint64_t>(i)), [](const TokenEvent&) {});
    if (!last.ok()) break;
    ids.push_back(*last);
  }
  ASSERT_FALSE(last.ok());
  EXPECT_EQ(last.error().code(), Code::kOverloaded);
  EXPECT_NE(last.error().message().find("memory"), std::string::npos) << last.error().message();
  EXPECT_NEAR(static_cast<double>(ids.size()), most, 12);  // some were computed meanwhile
  EXPECT_TRUE(last.error().retry_after().has_value());
  for (const auto id : ids) engine->cancel(id);
  for (int i = 0; i < 10'000 && engine->stats().running + engine->stats().waiting > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(engine->stats().pages_free, engine->stats().pages_total);
}

TEST(Engine, ACancelledSequenceEndsAndItsPagesComeBack) {
  auto engine = load(options_of());
  Stream stream;
  const auto id = engine->submit(request_of(*engine, 40, 200, 7), stream.sink()).value();
  stream.wait_for_tokens(3);
  const uint64_t steps = engine->stats().steps;
  engine->cancel(id);
  stream.wait();
  EXPECT_EQ(stream.finish, FinishReason::kCancelled);
  EXPECT_EQ(stream.usage.generated_tokens, static_cast<int>(stream.ids.size()));
  while (engine->stats().running > 0) std::this_thread::yield();
  EXPECT_EQ(engine->stats().pages_free, engine->stats().pages_total);
  EXPECT_LE(engine->stats().steps, steps + 2);
}

TEST(Engine, SinksMayCancelAndSubmit) {
  auto engine = load(options_of());
  Stream second;
  Engine::SequenceId first_id = 0;
  std::mutex started;
  started.lock();
  Stream first;
  auto inner = first.sink();
  first_id = engine
                 ->submit(request_of(*engine, 5, 200, 1),
                          [&, inner](const TokenEvent& event) {
                            if (event.index == 2 && event.id >= 0) {
                              started.lock();  // first_id is known
                              EXPECT_TRUE(engine->submit(request_of(*engine, 5, 5, 2), second.sink()).ok());
                              engine->cancel(first_id);
                            }
                            inner(event);
                          })
                 .value();
  started.unlock();
  first.wait();
  second.wait();
  EXPECT_EQ(first.finish, FinishReason::kCancelled);
  EXPECT_EQ(second.ids.size(), 5u);
}

TEST(Engine, DestructionEndsEveryStream) {
  std::vector<Stream> streams(5);
  {
    auto engine = load(options_of(2, 2));
    for (Stream& stream : streams) {
      ASSERT_TRUE(engine->submit(request_of(*engine, 30, 200, 1), stream.sink()).ok());
    }
  }
  for (Stream& stream : streams) EXPECT_NE(stream.finish, FinishReason::kNone);
}

TEST(Engine, SubmitFromManyThreadsLosesNothing) {
  auto engine = load(options_of(2, 4));
  std::vector<std::thread> threads;
  std::vector<Stream> streams(24);
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = t; i < streams.size(); i += 4) {
        auto id = engine->submit(request_of(*engine, 20, 20, i), streams[i].sink());
        ASSERT_TRUE(id.ok());
        if (i % 5 == 0) engine->cancel(*id);
        (void)engine->stats();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < streams.size(); ++i) {
    streams[i].wait();
    EXPECT_TRUE(streams[i].finish == FinishReason::kLength || i % 5 == 0);
  }
  while (engine->stats().running > 0) std::this_thread::yield();
  EXPECT_EQ(engine->stats().pages_free, engine->stats().pages_total);
  EXPECT_GE(engine->stats().last_token_age_ms, 0);
}

TEST(Engine, LogitsAgreeWithWhatStreamsReport) {
  auto engine = load(options_of());
  SequenceRequest request = request_of(*engine, 20, 20, 3);
  request.sampling.temperature = 0;
  Stream stream;
  ASSERT_TRUE(engine->submit(request, stream.sink()).ok());
  stream.wait();
  std::vector<TokenId> all = request.prompt;
  all.insert(all.end(), stream.ids.begin(), stream.ids.end());
  const auto vocab = static_cast<size_t>(engine->info().vocab_size);
  int rows = 0;
  ASSERT_TRUE(engine
                  ->logits(all, 7,
                           [&](int position, const float* row) {
                             EXPECT_EQ(position, rows++);
                             const auto next = static_cast<size_t>(position) + 1;
                             if (next < request.prompt.size() || next >= all.size()) return;
                             const auto best = std::max_element(row, row + vocab) - row;
                             EXPECT_EQ(best, all[next]);
                           })
                  .ok());
  EXPECT_EQ(rows, static_cast<int>(all.size()));
  EXPECT_FALSE(engine->logits({}, 7, [](int, const float*) {}).ok());
  EXPECT_FALSE(engine->logits({1}, 0, [](int, const float*) {}).ok());
  EXPECT_FALSE(engine->logits({-1}, 1, [](int, const float*) {}).ok());
}

}  // namespace
}  // namespace studio::engine
