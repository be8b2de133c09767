// An engine over the built-in model, and a stream's events collected: what the tests of this folder share.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/sampling/philox.h"
#include "engine/schedule/engine.h"

namespace studio::engine {

inline const char* const kModel = STUDIO_SOURCE_DIR "/catalogue/builtin/tiny-qwen3.gguf";

inline EngineOptions options_of(int threads = 2, int max_sequences = 16) {
  EngineOptions options;
  options.model_path = kModel;
  options.threads = threads;
  options.max_sequences = max_sequences;
  return options;
}

inline std::unique_ptr<Engine> load(const EngineOptions& options) {
  auto engine = Engine::load(options);
  EXPECT_TRUE(engine.ok()) << engine.error().message();
  return engine.ok() ? std::move(engine).value() : nullptr;
}

// Collects one sequence's events; wait() returns when the last has come.
class Stream {
 public:
  TokenSink sink() {
    return [this](const TokenEvent& event) {
      std::lock_guard lock(mutex_);
      if (event.id >= 0) ids.push_back(event.id), logprobs.push_back(event.logprob);
      usage = event.usage;
      finish = event.finish;
      if (event.error) error = event.error->message();
      changed_.notify_all();
    };
  }
  void wait() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return finish != FinishReason::kNone; }));
  }
  void wait_for_tokens(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return ids.size() >= count; }));
  }

  std::vector<TokenId> ids;
  std::vector<float> logprobs;
  FinishReason finish = FinishReason::kNone;
  std::string error;
  Usage usage;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

inline SequenceRequest request_of(const Engine& engine, int prompt_tokens, int max_new, uint64_t seed) {
  SequenceRequest request;
  const auto vocab = static_cast<uint64_t>(engine.info().vocab_size);
  for (int i = 0; i < prompt_tokens; ++i) {
    request.prompt.push_back(static_cast<TokenId>(random_bits(seed, 4, static_cast<uint64_t>(i)) % vocab));
  }
  request.max_new_tokens = max_new;
  request.sampling.temperature = 0.8f;
  request.sampling.seed = seed;
  request.sampling.logprobs = true;
  return request;
}

}  // namespace studio::engine
