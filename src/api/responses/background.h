// Responses that are made in the background: a queue on the shelf, a few at a time.
//
// One is durable as pending before its id is told. Whatever stops the program, the next one makes anew what was not
// ended: with the same seed, ids and prompt, so that it gives the same bytes, and under the same request id, so that
// its usage is recorded once. A refusal for now (a full queue, a busy key, a model that is loading) sends it back into
// the queue. Threads: any; one of its own starts what is due.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "api/responses/detached_exchange.h"
#include "api/responses/running.h"
#include "api/responses/shelf.h"
#include "api/responses/wire.h"
#include "api/serving/services.h"

namespace studio::api::responses {

class Background : public std::enable_shared_from_this<Background> {
 public:
  // At once, of all keys: half of the engine's places, so that who waits for an answer finds room.
  static constexpr size_t kMaxAtOnce = 8;
  // Of one key, queued or being made. A job in the queue is small; its prompt waits on the disk.
  static constexpr size_t kMaxOfKey = 1000;

  static std::shared_ptr<Background> start(Services services, std::shared_ptr<Shelf> shelf);
  ~Background() { stop(); }

  Status take_up();  // what an earlier program left
  // What is being made is left to the next program. Idempotent.
  void stop();

  // Errors: quota_exceeded where the key has too many.
  Status check_room(const std::string& key_id) const;
  // To be made; it is on the shelf as pending.
  std::shared_ptr<Running> add(const std::string& key_id, Record record, boost::json::array input);
  // One that has not ended, or nullptr.
  std::shared_ptr<Running> find(const std::string& response_id) const;
  void cancel(const std::string& response_id);  // no effect on one that has ended

  // What it takes to make it: the request as it came, its seed, and all items of its prompt.
  static boost::json::object pending_of(const std::string& body, const std::string& request_id, uint64_t seed,
                                        const boost::json::array& items);

 private:
  struct Job {
    std::shared_ptr<Running> running;
    std::shared_ptr<DetachedExchange> exchange = nullptr;  // while it is made
    std::chrono::steady_clock::time_point not_before{};
    bool is_started = false;
  };
  class Recorder;

  Background(Services services, std::shared_ptr<Shelf> shelf)
      : services_(std::move(services)), shelf_(std::move(shelf)) {}
  void loop();
  Job* next_due(std::chrono::steady_clock::time_point now);
  size_t started() const;
  void make(const std::shared_ptr<Running>& running);
  Status try_make(const std::shared_ptr<Running>& running);
  std::shared_ptr<DetachedExchange> exchange_for(const std::shared_ptr<Running>& running, std::string request_id);
  void refused(const std::shared_ptr<Running>& running, const Error& error);
  void put_back(const std::string& response_id);
  void remove(const std::string& response_id);

  const Services services_;
  const std::shared_ptr<Shelf> shelf_;

  mutable std::mutex mutex_;  // of everything below
  std::condition_variable changed_;
  std::map<std::string, Job> jobs_;  // by response id
  std::deque<std::string> order_;    // of those not started; may name some that are gone
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace studio::api::responses
