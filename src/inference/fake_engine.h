// An engine for tests: ids come from a function, a step takes as long as asked. No model, no text.
//
// The same request gives the same ids however it is cut by `resume`, as with the real one.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/schedule/engine.h"

namespace studio::inference {

class FakeEngine final : public engine::Engine {
 public:
  // The id at `position` of the answer to a request; -1 ends it with kStop and no token.
  using Script = std::function<engine::TokenId(const engine::SequenceRequest& request, int position)>;

  explicit FakeEngine(Script script, std::chrono::microseconds step = std::chrono::microseconds(200))
      : script_(std::move(script)), step_(step), thread_([this] { run(); }) {
    info_.architecture = "fake";
    info_.name = "fake";
    info_.digest = "d1";
    info_.numerics_class = "fake-v1";
    info_.kernels = "none";
    info_.vocab_size = 1000;
    info_.context_tokens = 4096;
  }
  ~FakeEngine() override {
    stopping_ = true;
    thread_.join();
    std::vector<Delivery> due;
    for (auto& [id, running] : sequences_) end(running, engine::FinishReason::kCancelled, due);
    deliver(due);
  }

  Result<SequenceId> submit(engine::SequenceRequest request, engine::TokenSink sink) override {
    STUDIO_CHECK_OK(refusal ? Status(*refusal) : Status(Ok{}));
    for (engine::TokenId id : request.prompt) {
      if (id >= info_.vocab_size) return Error(Code::kInvalidArgument, "prompt: unknown id").with_param("prompt");
    }
    std::scoped_lock lock(mutex_);
    if (!request.adapter.empty() && !adapters.contains(request.adapter)) {
      return Error(Code::kNotFound, "the adapter is not here any more").with_param("model");
    }
    SequenceId id = ++last_id_;
    requests.push_back(request);
    int position = static_cast<int>(request.resume.size());
    sequences_.emplace(id, Running{std::move(request), std::move(sink), position});
    return id;
  }
  void cancel(SequenceId id) override {
    std::scoped_lock lock(mutex_);
    ++cancels;
    cancelled_.push_back(id);
  }
  Status load_adapter(std::string_view digest, std::span<const uint8_t> file) override {
    std::scoped_lock lock(mutex_);
    if (file.empty()) return Error(Code::kCorruptData, "an empty adapter");
    adapters.emplace(digest);
    return Ok{};
  }
  bool drop_adapter(std::string_view digest) override {
    std::scoped_lock lock(mutex_);
    return adapters.erase(std::string(digest)) > 0;
  }
  const engine::EngineInfo& info() const override { return info_; }
  engine::EngineStats stats() const override {
    std::scoped_lock lock(mutex_);
    engine::EngineStats stats;
    stats.running = static_cast<int>(sequences_.size());
    stats.steps = stats.progress = steps_;
    stats.adapters = static_cast<int>(adapters.size());
    return stats;
  }
  Status logits(const std::vector<engine::TokenId>&, int, const std::function<void(int, const float*)>&,
                std::string_view) override {
    return Error(Code::kUnimplemented, "no logits");
  }

  std::vector<engine::SequenceRequest> taken() const {
    std::scoped_lock lock(mutex_);
    return requests;
  }

  std::optional<Error> refusal;  // answers every submit; set before use
  std::atomic<int> cancels{0};
  std::atomic<bool> paused{false};

 private:
  struct Running {
    engine::SequenceRequest request;
    engine::TokenSink sink;
    int position;
  };
  struct Delivery {
    engine::TokenSink sink;
    engine::TokenEvent event;
  };

  // Never under mutex_: a sink takes its owner's locks, and the owner calls cancel() under them.
  static void deliver(const std::vector<Delivery>& due) {
    for (const Delivery& delivery : due) delivery.sink(delivery.event);
  }

  engine::Usage usage(const Running& running) const {
    return {.prompt_tokens = static_cast<int>(running.request.prompt.size()),
            .cached_tokens = 0,
            .generated_tokens = running.position};
  }
  void end(Running& running, engine::FinishReason finish, std::vector<Delivery>& due) {
    engine::TokenEvent event;
    event.finish = finish;
    event.usage = usage(running);
    due.push_back({std::move(running.sink), std::move(event)});
  }

  bool advance(Running& running, std::vector<Delivery>& due) {
    engine::TokenEvent event;
    event.id = script_(running.request, running.position);
    if (event.id < 0) {
      end(running, engine::FinishReason::kStop, due);
      return false;
    }
    event.index = running.position++;
    event.logprob = -0.25f * static_cast<float>(1 + event.index % 3);
    for (int i = 0; i < running.request.sampling.top_logprobs; ++i) {
      event.top_logprobs.push_back({(event.id + i) % info_.vocab_size, event.logprob - static_cast<float>(i)});
    }
    event.usage = usage(running);
    const auto& stops = running.request.stop_ids;
    if (std::find(stops.begin(), stops.end(), event.id) != stops.end()) {
      event.finish = engine::FinishReason::kStop;
    } else if (running.position >= running.request.max_new_tokens) {
      event.finish = engine::FinishReason::kLength;
    }
    const bool runs_on = event.finish == engine::FinishReason::kNone;
    due.push_back({running.sink, std::move(event)});
    return runs_on;
  }

  void run() {
    while (!stopping_) {
      std::this_thread::sleep_for(step_);
      deliver(step());
    }
  }

  std::vector<Delivery> step() {
    std::vector<Delivery> due;
    std::scoped_lock lock(mutex_);
    ++steps_;
    for (SequenceId id : std::exchange(cancelled_, {})) {
      auto found = sequences_.find(id);
      if (found == sequences_.end()) continue;
      end(found->second, engine::FinishReason::kCancelled, due);
      sequences_.erase(found);
    }
    if (paused) return due;
    for (auto it = sequences_.begin(); it != sequences_.end();) {
      it = advance(it->second, due) ? std::next(it) : sequences_.erase(it);
    }
    return due;
  }

  Script script_;
  const std::chrono::microseconds step_;
  engine::EngineInfo info_;
  mutable std::mutex mutex_;
  std::map<SequenceId, Running> sequences_;
  std::vector<SequenceId> cancelled_;
  std::vector<engine::SequenceRequest> requests;
  std::set<std::string> adapters;
  SequenceId last_id_ = 0;
  uint64_t steps_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace studio::inference
