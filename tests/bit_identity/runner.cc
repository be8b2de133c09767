#include "runner.h"

#include <bit>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/digest.h"
#include "engine/formats/gguf.h"
#include "engine/kv/page_pool.h"

namespace studio::bit_identity {
namespace {

using engine::Engine;

constexpr int kLogitsEvery = 10;      // one request in so many also gives whole rows of logits
constexpr size_t kLogitsTokens = 40;  // over so many of its prompt's tokens: more than two chunks of 17
constexpr size_t kDigestDigits = 16;

// Scarce: one whole context, which the longest request needs, and half a page for each sequence beside it.
Result<int64_t> kv_bytes(const std::string& path, engine::KvType kv_type, const Setting& setting) {
  STUDIO_TRY(auto file, engine::GgufFile::open(path));
  STUDIO_TRY(auto architecture, file.get_string("general.architecture"));
  const std::string prefix = std::string(architecture) + ".";
  STUDIO_TRY(auto layers, file.get_u64(prefix + "block_count"));
  STUDIO_TRY(auto hidden, file.get_u64(prefix + "embedding_length"));
  STUDIO_TRY(auto heads, file.get_u64(prefix + "attention.head_count"));
  STUDIO_TRY(auto kv_heads, file.get_u64(prefix + "attention.head_count_kv"));
  STUDIO_TRY(auto key_length, file.find_u64(prefix + "attention.key_length"));
  const engine::KvShape shape{static_cast<int>(layers), static_cast<int>(kv_heads),
                              static_cast<int>(key_length.value_or(hidden / heads)), kv_type};
  const int pages = setting.scarce_pages ? engine::pages_for(kContextTokens) + setting.concurrency / 2
                                         : engine::pages_for(kContextTokens) * setting.concurrency;
  return static_cast<int64_t>(shape.bytes_per_page()) * pages;
}

// What all sinks write to: the scheduler thread fills, the caller waits.
struct Collector {
  std::mutex mutex;
  std::condition_variable finished;
  size_t open = 0;
  std::optional<Error> error;

  void take(Outcome& outcome, const engine::TokenEvent& event) {
    if (event.id >= 0) {
      outcome.words.push_back(static_cast<uint32_t>(event.id));
      outcome.words.push_back(std::bit_cast<uint32_t>(event.logprob));
      for (const engine::TopLogprob& top : event.top_logprobs) {
        outcome.words.push_back(static_cast<uint32_t>(top.id));
        outcome.words.push_back(std::bit_cast<uint32_t>(top.logprob));
      }
    }
    if (event.finish == engine::FinishReason::kNone) return;
    std::lock_guard lock(mutex);
    if (event.finish != engine::FinishReason::kLength && !error) {
      error = event.error.value_or(Error(Code::kInternal, "a request ended for another reason than its length"));
    }
    --open;
    finished.notify_all();
  }

  // The engine takes so many waiting prompts as its pages allow; the next one fits once another has ended.
  void wait_for_fewer_than(size_t count) {
    std::unique_lock lock(mutex);
    finished.wait(lock, [&] { return open < count; });
  }

  size_t open_now() {
    std::lock_guard lock(mutex);
    return open;
  }

  Status wait() {
    std::unique_lock lock(mutex);
    finished.wait(lock, [&] { return open == 0; });
    if (error) return *error;
    return Ok{};
  }
};

Result<std::string> digest_logits(Engine& engine, std::vector<engine::TokenId> tokens, int chunk) {
  tokens.resize(std::min(tokens.size(), kLogitsTokens));
  const auto bytes = static_cast<size_t>(engine.info().vocab_size) * sizeof(float);
  Sha256 digest;
  STUDIO_CHECK_OK(engine.logits(
      tokens, chunk, [&](int, const float* row) { digest.update({reinterpret_cast<const char*>(row), bytes}); }));
  return to_hex(digest.finish()).substr(0, kDigestDigits);
}

}  // namespace

std::string short_digest(const void* data, size_t bytes) {
  return to_hex(sha256({static_cast<const char*>(data), bytes})).substr(0, kDigestDigits);
}

Result<RunResult> run_setting(const std::string& model, const std::vector<engine::SequenceRequest>& requests,
                              const std::vector<int>& indices, engine::KvType kv_type, const Setting& setting) {
  engine::EngineOptions options;
  options.model_path = model;
  options.threads = setting.threads;
  options.kernels = setting.kernels;
  options.max_sequences = setting.concurrency;
  options.max_queue = static_cast<int>(indices.size());
  options.context_tokens = kContextTokens;
  options.prompt_chunk = setting.prompt_chunk;
  options.kv_type = kv_type;
  STUDIO_TRY(options.kv_bytes, kv_bytes(model, kv_type, setting));
  STUDIO_TRY(auto engine, Engine::load(options));

  const auto begin = std::chrono::steady_clock::now();
  RunResult result;
  result.outcomes.resize(indices.size());
  Collector collector;
  collector.open = indices.size();
  for (size_t i = 0; i < indices.size(); ++i) {
    Outcome& outcome = result.outcomes[i];
    outcome.index = indices[i];
    engine::SequenceRequest request = requests[static_cast<size_t>(indices[i])];
    request.tenant = i % 3;  // who take turns
    request.weight = 1 + static_cast<int>(request.tenant);
    result.tokens += tokens_of(request);
    for (;;) {
      const size_t open = collector.open_now();
      auto submitted =
          engine->submit(request, [&](const engine::TokenEvent& event) { collector.take(outcome, event); });
      if (submitted.ok()) break;
      if (submitted.error().code() != Code::kOverloaded) {
        engine.reset();  // its sinks point at what this function owns
        return std::move(submitted).error();
      }
      collector.wait_for_fewer_than(open);
    }
  }
  STUDIO_CHECK_OK(collector.wait());
  for (Outcome& outcome : result.outcomes) {
    outcome.digest = short_digest(outcome.words.data(), outcome.words.size() * sizeof(uint32_t));
    if (outcome.index % kLogitsEvery != 0) continue;
    const auto& prompt = requests[static_cast<size_t>(outcome.index)].prompt;
    STUDIO_TRY(outcome.logits_digest, digest_logits(*engine, prompt, setting.prompt_chunk));
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  result.model_digest = engine->info().digest.substr(0, kDigestDigits);
  result.numerics_class = engine->info().numerics_class;
  result.kernels = engine->info().kernels;
  return result;
}

}  // namespace studio::bit_identity
