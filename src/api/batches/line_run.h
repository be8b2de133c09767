// One line of a batch as a request that came over no connection: the exchange that the dialect's handler answers, and
// the sink for its usage, which is kept until both can be stored together.
// Threads: as http::Exchange says. `done` comes once, on any thread, and must be short.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "api/serving/services.h"
#include "http/exchange.h"
#include "inference/usage.h"

namespace studio::api::batches {

// Where a line goes, and how that dialect says no.
struct LineDoor {
  void (*handler)(const Services&, const std::shared_ptr<http::Exchange>&) = nullptr;  // none: it is gone
  http::Response (*refusal)(const Error&, const std::string& request_id) = nullptr;
};

struct LineCall {
  std::string batch_id;
  int64_t line = 0;
  std::string owner;  // the key that the request counts for
  std::string endpoint, request_id, custom_id;
  std::string body;  // JSON
  LineDoor door;
  int tries = 1;  // this one included
};

struct LineOutcome {
  LineCall call;
  int status = 0;
  std::string body;
  std::optional<inference::UsageRecord> usage;
};

class LineRun final : public http::Exchange, public inference::UsageSink, public std::enable_shared_from_this<LineRun> {
 public:
  using Done = std::function<void(LineOutcome)>;

  // Hands the line to its endpoint's handler. `services` are those of batches: the run puts itself in as the sink.
  static std::shared_ptr<LineRun> start(Services services, LineCall call, Done done);
  ~LineRun() override;

  void cancel();  // what runs ends soon, with an error

  const http::Request& request() const override { return request_; }
  std::chrono::steady_clock::time_point received_at() const override { return received_at_; }
  void respond(http::Response response) override;
  // A stream: the input was checked for that, so it is an error of ours.
  void begin(http::Response head, std::string heartbeat) override;
  void write(std::string_view) override {}
  void finish() override {}
  void abort() override { fail(); }
  bool congested() const override { return false; }
  void on_drain(std::function<void()>) override {}
  bool gone() const override;
  void on_gone(std::function<void()> callback) override;

  Status record(const inference::UsageRecord& record) override;

 private:
  LineRun(LineCall call, Done done);
  void fail();
  void deliver(int status, std::string body);

  LineCall call_;
  http::Request request_;
  const std::chrono::steady_clock::time_point received_at_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;  // of what follows
  Done done_;                 // empty once it was told
  bool is_cancelled_ = false;
  std::function<void()> on_gone_;
  std::optional<inference::UsageRecord> usage_;
};

}  // namespace studio::api::batches
