// One answer that outlives its client's connection: its events as they were worded, and the exchanges that read them.
//
// The maker of the answer writes to the exchange that `made_through` gives, as to any other; that one is never
// congested and is gone only once cancel() was called. Readers come and go; each gets what is behind the event it has,
// at its own pace. Events are numbered from 1. Threads: any.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/kept/event_cutter.h"
#include "api/kept/wish.h"
#include "base/result.h"
#include "http/exchange.h"

namespace studio::api {

inline constexpr const char* kAnswerIdField = "X-Studio-Answer";
inline constexpr const char* kReplayedField =
    "Idempotent-Replayed";  // as others name it: "true" where nothing was begun

// SDKs try again after a conflict unless it says "false": ours stay.
inline constexpr const char* kShouldRetryField = "X-Should-Retry";

// Bytes of events that are held. Past its own share an answer lets go of its oldest ones.
struct KeptBytes {
  size_t most = 0, most_of_answer = 0;
  std::atomic<size_t> held{0};
};

class KeptAnswer : public std::enable_shared_from_this<KeptAnswer> {
 public:
  using ExchangePtr = std::shared_ptr<http::Exchange>;
  using Clock = std::chrono::steady_clock;

  struct Options {
    std::string answer_id;
    EventNumbers numbers = EventNumbers::kIdLines;
    KeptBytes* bytes = nullptr;        // outlives it
    std::function<void()> on_refused;  // before a refusal (a status of 400 or more) is told
    http::Response (*render_error)(const Error& error, const std::string& request_id) = nullptr;
  };
  explicit KeptAnswer(Options options);
  ~KeptAnswer();

  struct Reader {
    ExchangePtr exchange;
    uint64_t after = 0;         // the event that it has last
    bool has_id_lines = false;  // where events are numbered by `id:` lines
    bool is_replay = false;
  };
  // Answers the reader's exchange, now or as the answer goes on. False where events that it lacks are gone.
  bool attach(Reader reader);

  // What the maker is given, once. Letting go of it unanswered makes a 500, half answered cuts the readers.
  ExchangePtr made_through(http::Request request);
  // To the maker it is as if its client had left.
  void cancel();

  bool is_over() const;
  bool is_cut() const;               // over, and not whole
  bool lacks(uint64_t after) const;  // events behind that one
  // When the last reader left, or when it was over.
  Clock::time_point idle_since() const;
  bool is_read() const;

 private:
  class MakersExchange;
  struct Reading {
    Reader reader;
    bool has_begun = false;
  };

  // Of the maker's exchange.
  void begin(http::Response head, std::string heartbeat);
  void write(std::string_view bytes);
  void finish(bool is_cut);
  void respond(http::Response response);
  void let_go();
  void on_cancel(std::function<void()> callback);
  bool is_cancelled() const;

  // With mutex_ held.
  void deliver(Reading& reading);
  void deliver_to_all();
  void begin_reading(Reading& reading);
  void end_reading(Reading& reading);
  std::string worded(size_t index, const Reading& reading) const;
  void add_event(std::string event);
  void drop_oldest();
  void leave_ended();
  http::Response with_fields(http::Response response, const Reader& reader) const;

  void drained(const http::Exchange* exchange);
  void left(const http::Exchange* exchange);

  const Options options_;

  mutable std::mutex mutex_;  // of everything below
  EventCutter cutter_;
  std::optional<http::Response> head_, whole_;
  std::string heartbeat_;
  std::deque<std::string> events_;
  uint64_t dropped_ = 0;  // events that are gone: events_[0] has the number dropped_ + 1
  size_t bytes_ = 0;      // of events_ and whole_
  bool is_over_ = false, is_cut_ = false, is_cancelled_ = false;
  std::vector<Reading> readings_;
  Clock::time_point idle_since_ = Clock::now();
  std::function<void()> on_cancel_;
};

}  // namespace studio::api
