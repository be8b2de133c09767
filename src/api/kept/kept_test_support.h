// What the tests of kept answers share: an exchange that writes down what it is told.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "http/exchange.h"

namespace studio::api {

class HeldExchange final : public http::Exchange {
 public:
  explicit HeldExchange(http::Request request = {}) : request_(std::move(request)) {}

  const http::Request& request() const override { return request_; }
  std::chrono::steady_clock::time_point received_at() const override { return received_at_; }
  void respond(http::Response response) override {
    std::scoped_lock lock(mutex_);
    head_ = std::move(response);
    text_ = head_.body;
    is_finished_ = true;
  }
  void begin(http::Response head, std::string heartbeat) override {
    std::scoped_lock lock(mutex_);
    head_ = std::move(head);
    heartbeat_ = std::move(heartbeat);
  }
  void write(std::string_view bytes) override {
    std::scoped_lock lock(mutex_);
    text_ += bytes;
    if (room_ > 0 && --room_ == 0) is_congested_ = true;
  }
  void finish() override {
    std::scoped_lock lock(mutex_);
    is_finished_ = true;
  }
  void abort() override {
    std::scoped_lock lock(mutex_);
    is_aborted_ = true;
  }
  bool congested() const override { return is_congested_; }
  void on_drain(std::function<void()> callback) override { drain_ = std::move(callback); }
  bool gone() const override { return is_gone_; }
  void on_gone(std::function<void()> callback) override {
    if (is_gone_) return callback();
    gone_ = std::move(callback);
  }

  // The client's side.
  void take(int writes) {  // and no more for now
    room_ = writes;
    is_congested_ = false;
    if (drain_) drain_();
  }
  void leave() {
    is_gone_ = true;
    if (gone_) gone_();
  }
  std::string text() const { return locked(text_); }
  std::string heartbeat() const { return locked(heartbeat_); }
  http::Response head() const { return locked(head_); }
  std::string field(const char* name) const {
    const http::Response head = this->head();
    const std::string* value = head.fields.find(name);
    return value ? *value : "";
  }
  bool is_finished() const { return locked(is_finished_); }
  bool is_aborted() const { return locked(is_aborted_); }

  int room_ = 0;  // writes until it is congested; 0: any number
  std::atomic<bool> is_congested_{false}, is_gone_{false};

 private:
  template <typename T>
  T locked(const T& value) const {
    std::scoped_lock lock(mutex_);
    return value;
  }

  const http::Request request_;
  const std::chrono::steady_clock::time_point received_at_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;
  http::Response head_ = http::Response::text(0, "");  // until there is one
  std::string text_, heartbeat_;
  bool is_finished_ = false, is_aborted_ = false;
  std::function<void()> drain_, gone_;
};

}  // namespace studio::api
