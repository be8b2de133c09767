// A scheduler over a model that hashes, driven step by step: what the tests of this folder share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/sampling/philox.h"
#include "engine/schedule/scheduler.h"

namespace studio::engine {

inline constexpr int kVocab = 50;

// A model whose logits are a hash of every token before them, read back from the pages it stored them in: a wrong page
// table, a lost page or a token fed twice changes what follows.
class HashModel final : public Model {
 public:
  HashModel() { config_.vocab = kVocab; }
  const ModelConfig& config() const override { return config_; }
  KvShape kv_shape() const override { return {.layers = 1, .kv_heads = 1, .head_dim = 16}; }
  int64_t weight_bytes() const override { return 0; }
  int64_t parameters() const override { return 0; }
  void use_pages(PagePool* pages) override { pages_ = pages; }

  void forward(std::span<const BatchRun> runs, float* logits) override {
    std::vector<int> shape;
    for (const BatchRun& run : runs) {
      shape.push_back(static_cast<int>(run.tokens.size()));
      for (const TokenId id : run.tokens) {
        const int position = run.sequence->length();
        const int32_t page = run.sequence->page_table()[position / kPageTokens];
        EXPECT_TRUE(pages_->holders(page) == 1 && !pages_->is_kept(page)) << "another may read what is written";
        *slot(*run.sequence, position) = static_cast<uint16_t>(id);
        run.sequence->advance(1);
      }
      if (run.want == WantLogits::kNone) continue;
      uint64_t hash = 1;
      for (int i = 0; i < run.sequence->length(); ++i) hash = random_bits(hash, *slot(*run.sequence, i), 0);
      for (uint64_t v = 0; v < kVocab; ++v) *logits++ = static_cast<float>(random_bits(hash, 1, v) % 1000) / 200;
      if (run.tokens.back() == fails_at) std::fill_n(logits - kVocab, kVocab, std::nanf(""));
    }
    steps.push_back(shape);
  }

  TokenId fails_at = -1;                // no logits come out of this one
  std::vector<std::vector<int>> steps;  // tokens of each run of each step

 private:
  uint16_t* slot(const SequenceState& state, int position) {
    const KvPages view = pages_->view(0, 0);
    uint8_t* page = view.base + static_cast<size_t>(state.page_table()[position / kPageTokens]) * view.page_stride;
    return reinterpret_cast<uint16_t*>(page) + position % kPageTokens;
  }
  ModelConfig config_;
  PagePool* pages_ = nullptr;
};

struct Record {
  std::vector<TokenId> ids;
  std::vector<float> logprobs;
  FinishReason finish = FinishReason::kNone;
  int finishes = 0;
  std::string error;
  Usage usage;
};

// A scheduler over the hash model, driven step by step.
struct Bench {
  explicit Bench(int page_count, SchedulerLimits limits = {}, int threads = 1) : pool(threads) {
    pages.emplace(PagePool::create(model.kv_shape(), page_count).value());
    model.use_pages(&*pages);
    scheduler.emplace(model, *pages, pool, limits);
  }
  Record& add(uint64_t id, SequenceRequest request) {
    Record& record = records[id];
    auto sink = [&record](const TokenEvent& event) {
      if (event.id >= 0) {
        EXPECT_EQ(event.index, event.usage.generated_tokens - 1);
        record.ids.push_back(event.id);
        record.logprobs.push_back(event.logprob);
      }
      EXPECT_EQ(record.finishes, 0) << "an event after the last one";
      record.usage = event.usage;
      if (event.finish == FinishReason::kNone) return;
      record.finish = event.finish;
      ++record.finishes;
      if (event.error) record.error = event.error->message();
    };
    scheduler->add(std::make_unique<Sequence>(id, std::move(request), sink, &*pages));
    return record;
  }
  void run() {
    for (int i = 0; i < 100000 && !scheduler->idle(); ++i) scheduler->step();
    EXPECT_TRUE(scheduler->idle());
    EXPECT_EQ(pages->free(), pages->total());
  }
  // Prompt tokens that the model really computed.
  int computed() const {
    int tokens = 0;
    for (const auto& step : model.steps) {
      for (const int run : step) tokens += run > 1 ? run : 0;
    }
    return tokens;
  }

  HashModel model;
  ThreadPool pool;
  std::optional<PagePool> pages;
  std::optional<Scheduler> scheduler;
  std::map<uint64_t, Record> records;
};

inline SequenceRequest request_of(int prompt_tokens, int max_new, uint64_t seed) {
  SequenceRequest request;
  for (int i = 0; i < prompt_tokens; ++i) {
    request.prompt.push_back(static_cast<TokenId>(random_bits(seed, 5, static_cast<uint64_t>(i)) % kVocab));
  }
  request.max_new_tokens = max_new;
  request.sampling.seed = seed;
  return request;
}

inline std::vector<TokenId> alone(const SequenceRequest& request) {
  Bench bench(64);
  const Record& record = bench.add(1, request);
  bench.run();
  return record.ids;
}

}  // namespace studio::engine
