// An encoder behind the token protocol, as its gateway sees it: one model in one worker or several.
//
// Trusts a worker no further than it must: as many vectors as texts, all of one length, every number finite. A request
// whose worker is lost (it died, hung, or broke the protocol) is sent once more, to another or to the same when it is
// back; a vector depends on its text alone, so nobody can tell. Workers are watched as those of generations are
// (worker_link.h).
// Threads: any; sinks are called on an I/O thread or on the one that calls encode() or stop(), and must not block.
#pragma once

#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "inference/encoder_request.h"
#include "inference/lifetime_stats.h"
#include "inference/model_client.h"
#include "inference/worker_client.h"
#include "inference/worker_link.h"

namespace studio::inference {

// Losses that a request survives. One that was being computed when two workers died is taken for the cause: it is not
// given a third.
inline constexpr int kMaxEncodeLosses = 1;
// Requests that wait for a worker to come back.
inline constexpr size_t kMaxWaitingEncodes = 1024;

class EncoderClient {
 public:
  // Of the options the workers, their names and patience are looked at; adapters are not for encoders.
  explicit EncoderClient(WorkerClientOptions options);
  ~EncoderClient();  // every request ends (kCancelled), its threads are joined
  EncoderClient(const EncoderClient&) = delete;
  EncoderClient& operator=(const EncoderClient&) = delete;

  // Letting go of it cancels: the sink is told kCancelled, unless it was told an end before.
  class Handle {
   public:
    virtual ~Handle() = default;
  };
  // Errors at once: unavailable before a worker ever answered and while none can load the model, overloaded. All others
  // come to the sink.
  Result<std::unique_ptr<Handle>> encode(EncodeRequest request, EncodedSink done);
  ModelStatus status() const;
  // The workers are asked to end: from here on a worker that goes down is told as news, not as an error.
  void expect_end();
  // As WorkerClient has it.
  Status wait_until_ready(std::chrono::milliseconds deadline, const std::function<bool()>& give_up);

 private:
  struct Asked;
  struct Answer;
  struct Loss;
  using AskedPtr = std::shared_ptr<Asked>;
  struct Worker {
    std::unique_ptr<WorkerLink> link;
    bool is_up = false;
    uint64_t life = 0;  // the number of times it came up
    LifetimeStats counted;
    std::list<AskedPtr> running;
  };
  class Held;

  void monitor();
  void on_up(size_t index);
  void on_down(size_t index, const std::string& why);
  void place_waiting(std::vector<std::pair<AskedPtr, Error>>& failed);
  Worker* choose(const Asked& asked);
  bool cannot_load() const;
  Error not_loadable() const;
  void send(const AskedPtr& asked);
  void on_answer(const AskedPtr& asked, const Answer& answer, const Status& end);
  void on_lost(const AskedPtr& asked, const Loss& loss);
  void cancel(const AskedPtr& asked);
  void finish(const AskedPtr& asked, Result<Encoded> encoded);
  bool is_ready() const;
  void poke();

  const WorkerClientOptions options_;
  mutable std::mutex mutex_;  // guards what follows; taken before a link's
  std::condition_variable changed_;
  std::vector<Worker> workers_;  // their number stands still
  std::list<AskedPtr> waiting_;
  bool was_ever_ready_ = false, is_end_wanted_ = false, is_stopping_ = false, is_poked_ = false;
  uint64_t resent_ = 0;
  std::thread thread_;
};

}  // namespace studio::inference
