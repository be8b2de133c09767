// An encoder for tests: the vector of a text is {its first id, how many it has, where its second text begins}. It may
// be held up.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "engine/encoders/encoder.h"
#include "inference/encoder_request.h"

namespace studio::inference {

class FakeEncoder final : public engine::Encoder {
 public:
  FakeEncoder() {
    config_.hidden = 3;
    config_.vocab = 1000;
    config_.context_tokens = 64;
  }
  const engine::EncoderConfig& config() const override { return config_; }
  int64_t weight_bytes() const override { return 0; }

  Result<std::vector<float>> encode(std::span<const engine::EncoderText> texts) override {
    std::unique_lock lock(mutex_);
    pass_sizes.push_back(texts.size());
    changed_.wait(lock, [this] { return !is_held_; });
    std::vector<float> values;
    for (const auto& text : texts) {
      values.push_back(static_cast<float>(text.ids.front()));
      values.push_back(static_cast<float>(text.ids.size()));
      values.push_back(static_cast<float>(text.second_from));
    }
    return values;
  }
  // A fast vector's numbers are the others' halves.
  bool has_fast() const override { return true; }
  Result<std::vector<float>> encode_fast(std::span<const engine::EncoderText> texts) override {
    auto values = encode(texts);
    for (float& value : *values) value /= 2;
    return values;
  }
  Status check(std::span<const engine::EncoderText> texts) const override {
    for (const auto& text : texts) {
      if (text.ids.empty() || text.ids.size() > 64) return Error(Code::kInvalidArgument, "text 0 is too long");
    }
    return Ok{};
  }

  void hold() {
    std::scoped_lock lock(mutex_);
    is_held_ = true;
  }
  void let_go() {
    {
      std::scoped_lock lock(mutex_);
      is_held_ = false;
    }
    changed_.notify_all();
  }
  std::vector<size_t> passes() {
    std::scoped_lock lock(mutex_);
    return pass_sizes;
  }

 private:
  engine::EncoderConfig config_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_held_ = false;
  std::vector<size_t> pass_sizes;  // texts of each
};

// What one request came to.
struct Seen {
  std::promise<Result<Encoded>> promise;
  std::future<Result<Encoded>> future = promise.get_future();
  EncodedSink sink() {
    return [this](Result<Encoded> encoded) { promise.set_value(std::move(encoded)); };
  }
  Result<Encoded> wait() {
    EXPECT_EQ(future.wait_for(std::chrono::seconds(60)), std::future_status::ready);
    return future.get();
  }
};

}  // namespace studio::inference
