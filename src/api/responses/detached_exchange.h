// The exchange of a response that nobody waits for: what makes an answer (serving/answer.h) has somebody to give it to.
// Nothing is written anywhere; the answer's writer takes the pieces.
// Threads: any.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "http/exchange.h"

namespace studio::api::responses {

class DetachedExchange final : public http::Exchange {
 public:
  DetachedExchange(std::string request_id, std::string principal, std::string route) {
    request_.request_id = std::move(request_id);
    request_.principal = std::move(principal);
    request_.route = std::move(route);
  }

  // Ends the answer, as a client does that goes away. Not from a callback of the generation.
  void leave() {
    std::unique_lock lock(mutex_);
    if (is_gone_) return;
    is_gone_ = true;
    const std::function<void()> told = std::move(on_gone_);
    lock.unlock();
    if (told) told();
  }

  const http::Request& request() const override { return request_; }
  std::chrono::steady_clock::time_point received_at() const override { return received_at_; }
  void respond(http::Response) override {}
  void begin(http::Response, std::string) override {}
  void write(std::string_view) override {}
  void finish() override {}
  void abort() override {}
  bool congested() const override { return false; }
  void on_drain(std::function<void()>) override {}
  bool gone() const override {
    std::scoped_lock lock(mutex_);
    return is_gone_;
  }
  void on_gone(std::function<void()> callback) override {
    std::unique_lock lock(mutex_);
    if (!is_gone_) {
      on_gone_ = std::move(callback);
      return;
    }
    lock.unlock();
    callback();
  }

 private:
  http::Request request_;
  const std::chrono::steady_clock::time_point received_at_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;
  bool is_gone_ = false;
  std::function<void()> on_gone_;
};

}  // namespace studio::api::responses
