// A scheduler over a model that hashes, driven step by step, by a clock that the model's cost alone moves: what the
// tests of this folder share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
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

// The 0.5B on two cores, nearly (bench/results, AuthenticAMD-26-2): a pass reads the weights and each token computes.
// One decode takes 8 ms, eight take 14, a prompt of 512 tokens 0.39 s. What a token looks back at costs nothing here.
struct StepTimes {
  double pass_seconds = 0.0075;
  double token_seconds = 0.00075;
};

// A model whose logits are a hash of every token before them, read back from the pages it stored them in: a wrong page
// table, a lost page or a token fed twice changes what follows.
class HashModel final : public Model {
 public:
  explicit HashModel(int vocab = kVocab) { config_.vocab = vocab; }
  const ModelConfig& config() const override { return config_; }
  KvShape kv_shape() const override { return {.layers = 1, .kv_heads = 1, .head_dim = 16}; }
  int64_t weight_bytes() const override { return 0; }
  int64_t parameters() const override { return 0; }
  void use_pages(PagePool* pages) override { pages_ = pages; }

  void forward(std::span<const BatchRun> runs, float* logits) override {
    std::vector<int> shape;
    double seconds = times.pass_seconds;
    for (const BatchRun& run : runs) {
      shape.push_back(static_cast<int>(run.tokens.size()));
      seconds += times.token_seconds * static_cast<double>(run.tokens.size());
      for (const TokenId& id : run.tokens) {
        const int position = run.sequence->length();
        const int32_t page = run.sequence->page_table()[position / kPageTokens];
        EXPECT_TRUE(pages_->holders(page) == 1 && !pages_->is_kept(page)) << "another may read what is written";
        *slot(*run.sequence, position) = static_cast<uint16_t>(id);
        run.sequence->advance(1);
        const bool is_last = &id == &run.tokens.back();
        if (run.want == WantLogits::kAll || (run.want == WantLogits::kLast && is_last)) {
          write_logits(*run.sequence, logits);
          if (id == fails_at) std::fill_n(logits, config_.vocab, std::nanf(""));
          logits += config_.vocab;
        }
      }
    }
    steps.push_back(shape);
    now += std::chrono::round<Scheduler::Clock::duration>(std::chrono::duration<double>(seconds));
  }

  StepTimes times;
  Scheduler::Clock::time_point now = Scheduler::Clock::now();
  TokenId fails_at = -1;                // no logits come out of this one
  int memory = 1 << 30;                 // tokens that the hash goes over: few, and the model repeats itself
  std::vector<std::vector<int>> steps;  // tokens of each run of each step

 private:
  void write_logits(const SequenceState& state, float* logits) {
    uint64_t hash = 1;
    for (int i = std::max(0, state.length() - memory); i < state.length(); ++i) {
      hash = random_bits(hash, *slot(state, i), 0);
    }
    for (uint64_t v = 0; v < static_cast<uint64_t>(config_.vocab); ++v)
      logits[v] = static_cast<float>(random_bits(hash, 1, v) % 1000) / 200;
  }
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
  std::vector<TopLogprob> top_logprobs;  // of all tokens, one after another
  std::vector<TokenScore> scores;        // of the prompt, from its second token on
  FinishReason finish = FinishReason::kNone;
  int finishes = 0;
  std::string error;
  Usage usage;
  std::vector<double> seconds;  // at which its tokens came, since the bench began
};

// A scheduler over the hash model, driven step by step.
struct Bench {
  explicit Bench(int page_count, SchedulerLimits limits = {}, int threads = 1,
                 std::unique_ptr<DraftModel> draft = nullptr)
      : pool(threads) {
    pages.emplace(PagePool::create(model.kv_shape(), page_count).value());
    model.use_pages(&*pages);
    scheduler.emplace(model, *pages, pool, limits, [this] { return model.now; }, std::move(draft));
  }
  Bench(const Bench&) = delete;

  double seconds() const { return std::chrono::duration<double>(model.now - begun).count(); }
  Record& add(uint64_t id, SequenceRequest request) {
    Record& record = records[id];
    auto sink = [this, &record](const TokenEvent& event) {
      if (event.id >= 0) {
        EXPECT_EQ(event.index, event.usage.generated_tokens - 1);
        record.ids.push_back(event.id);
        record.logprobs.push_back(event.logprob);
        record.seconds.push_back(seconds());
        record.top_logprobs.insert(record.top_logprobs.end(), event.top_logprobs.begin(), event.top_logprobs.end());
      }
      if (!event.scores.empty()) {
        EXPECT_EQ(event.first_score, static_cast<int>(record.scores.size()) + 1);
        EXPECT_TRUE(record.ids.empty() && event.id < 0);
        record.scores.insert(record.scores.end(), event.scores.begin(), event.scores.end());
      }
      EXPECT_EQ(record.finishes, 0) << "an event after the last one";
      record.usage = event.usage;
      if (event.finish == FinishReason::kNone) return;
      record.finish = event.finish;
      ++record.finishes;
      if (event.error) record.error = event.error->message();
    };
    scheduler->add(std::make_unique<Sequence>(id, std::move(request), sink, &*pages, nullptr, model.now));
    return record;
  }
  StepCounts step() {
    const StepCounts counts = scheduler->step();
    computed += counts.prompt_tokens;
    return counts;
  }
  void run() {
    for (int i = 0; i < 100000 && !scheduler->idle(); ++i) step();
    EXPECT_TRUE(scheduler->idle());
    EXPECT_EQ(pages->free(), pages->total());
    EXPECT_EQ(scheduler->shares().size(), 0);
  }

  HashModel model;
  const Scheduler::Clock::time_point begun = model.now;
  ThreadPool pool;
  std::optional<PagePool> pages;
  std::optional<Scheduler> scheduler;
  std::map<uint64_t, Record> records;
  int computed = 0;  // prompt tokens, those that were computed again too
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
