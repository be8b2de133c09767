// One response that is made in the background, while it is made: its pieces so far, and who reads them.
//
// A reader gets every event from the number it asks for, those that were before it came too; one that is slow holds
// nobody up, as the pieces stay here until the end. What is told of an end is durable before.
// Threads: any.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "api/responses/events.h"
#include "api/responses/record.h"
#include "base/result.h"
#include "http/exchange.h"
#include "http/sse.h"

namespace studio::api::responses {

class Running : public std::enable_shared_from_this<Running> {
 public:
  // Of text and log probabilities of one response: hours of an answer, or 60,000 tokens with twenty alternatives each.
  static constexpr size_t kMaxBytes = 64 << 20;

  // Makes an ended record durable.
  using Keep = std::function<Status(const Record&)>;
  Running(std::string key_id, Record record, Keep keep)
      : key_id_(std::move(key_id)), keep_(std::move(keep)), record_(std::move(record)) {}

  const std::string& key_id() const { return key_id_; }
  const std::string& id() const { return record_.id; }
  Record head() const;  // as it stands, without pieces unless it has ended

  // Events behind number `starting_after` to the exchange, to the end. `heartbeat` fills its silences.
  void attach(std::shared_ptr<http::Exchange> exchange, http::Response head, int64_t starting_after,
              std::string heartbeat = std::string(http::kSseHeartbeat));
  // Once it has ended; at once where it has.
  void when_ended(std::function<void(const Record&)> told);

  // Driven by who makes it.
  void start();
  enum class Room { kLeft, kFull };
  Room add(const inference::ChoiceDelta& delta);
  void end(const inference::GenerationEnd& end);
  void fail(const Error& error);

  // Somebody wants its end: it will be told as cancelled.
  void mark_cancelled();
  bool is_cancelled() const;
  // The program stops: its readers are cut and no end is told or kept, so that the next one makes it anew.
  void interrupt();
  bool is_interrupted() const;

 private:
  struct Reader {
    std::shared_ptr<http::Exchange> exchange;
    EventWriter events;
    size_t next_piece = 0;
    bool has_created = false, has_started = false;
  };

  void finish(Record ended);
  bool advance(Reader& reader);  // with mutex_ held; true: it was told the end
  void advance_all();            // the same for every reader
  void drain(const http::Exchange* exchange);
  void drop(const http::Exchange* exchange);

  const std::string key_id_;
  const Keep keep_;

  mutable std::mutex mutex_;  // of everything below
  Record record_;
  size_t bytes_ = 0;  // of its pieces, about
  bool has_started_ = false, is_cancelled_ = false, is_interrupted_ = false;
  std::list<Reader> readers_;
  std::vector<std::function<void(const Record&)>> waiting_;
};

}  // namespace studio::api::responses
