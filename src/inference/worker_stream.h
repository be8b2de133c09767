// One generation, over as many connections to workers as it takes.
//
// Checks what a worker says, keeps the ids, and tells its keeper when a connection was lost; the keeper decides where
// and when the stream goes on. The sink sees one unbroken stream.
// Threads: one connection at a time, its events on the I/O thread of its worker's link; the keeper connects, finishes
// or drops a stream only while it has none.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "http/client.h"
#include "http/sse.h"
#include "inference/model_client.h"
#include "inference/stream_log.h"
#include "inference/suspects.h"

namespace studio::inference {

class WorkerStream;

// What a lost connection says of its worker.
struct Loss {
  bool was_reached = false;  // otherwise nobody listened: no worker stopped because of this
  bool is_queue_full = false;
  std::string fault;  // the worker broke the protocol in this stream; empty: the connection ended
};

// Called on the link's I/O thread; must not call back into the stream but for cut() and cancel().
class StreamKeeper {
 public:
  virtual ~StreamKeeper() = default;
  virtual void on_first_token(WorkerStream& stream) = 0;  // of this connection
  virtual void on_passed(WorkerStream& stream) = 0;       // the number of tokens given to connect()
  virtual void on_over(WorkerStream& stream, bool is_whole) = 0;
  virtual void on_lost(std::shared_ptr<WorkerStream> stream, Loss loss) = 0;
};

class WorkerStream : public std::enable_shared_from_this<WorkerStream> {
 public:
  // What its keeper notes of it, under the keeper's mutex.
  struct Notes {
    enum class Verdict { kPending, kInnocent, kSuspect };
    uint64_t arrival = 0;
    size_t worker = 0;   // of the connection, or of the last one
    uint64_t order = 0;  // of the connection among all; 0: none
    Verdict verdict = Verdict::kInnocent;
    bool is_ghost = false;  // its client left; it runs to be tried alone
    int losses = 0;         // of a worker, as a suspect
    std::chrono::steady_clock::time_point waits_since, not_before, give_up_at;
    std::optional<Fingerprint> print;  // once somebody asked
  };

  WorkerStream(std::weak_ptr<StreamKeeper> keeper, TokenRequest request, engine::TokenSink sink,
               StreamLog::Entry entry);

  // Sends the request, with what was produced so far as `resume`. `pass_at`: on_passed() at that many tokens; 0: never.
  void connect(http::Client& client, const engine::EngineInfo& info, int pass_at);
  void cancel();  // any thread
  void cut();     // any thread: the worker is lost, whatever the connection thinks
  // On the link's I/O thread: the worker does not keep its word in this stream.
  void give_up_connection(const std::string& why);

  // While it has no connection.
  void finish_cancelled();
  void finish_with(Error error);

  bool is_cancelled() const { return is_cancelled_; }
  bool is_taken() const { return is_taken_; }                         // over this connection
  uint64_t tokens_here() const { return tokens_here_; }               // the same
  int produced() const { return first_index_ + produced_; }           // of the whole answer
  std::vector<engine::TokenId> ids() const { return entry_->ids(); }  // what was produced; not once it is over
  std::string model() const;  // "numerics class/digest" once a worker took it; empty before
  const TokenRequest& request() const { return request_; }
  const std::string& request_id() const { return request_.request_id; }
  const Fingerprint& fingerprint();  // under the keeper's mutex

  Notes notes;

 private:
  engine::Usage usage(const engine::TokenEvent& event) const;
  void finish(engine::TokenEvent event);
  void on_data(std::string_view data);
  void on_accepted(const std::string& model);
  bool on_token(engine::TokenEvent event);
  void on_scores(engine::TokenEvent event);
  void on_end(const Status& status);
  bool is_sound(const engine::TokenEvent& event) const;
  void close_connection();

  const std::weak_ptr<StreamKeeper> keeper_;
  const TokenRequest request_;
  const int first_index_;
  engine::TokenSink sink_;
  std::optional<StreamLog::Entry> entry_;  // until finished
  engine::Usage first_usage_;
  uint32_t check_ = engine::kFirstCheck;  // of the produced ids
  bool is_finished_ = false;
  std::atomic<int> produced_{0};  // by us, over all connections
  int scored_ = 1;                // tokens of the prompt that were told with their logprobs; the first has none

  // Of the connection.
  int vocab_size_ = 0, pass_at_ = 0;
  int status_ = 0;
  http::SseReader reader_;
  std::string refusal_;
  Loss loss_;
  bool is_broken_ = false;
  std::atomic<bool> is_taken_{false}, is_cut_{false};
  std::atomic<uint64_t> tokens_here_{0};

  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<http::Call> call_;
  std::string model_;
  std::atomic<bool> is_cancelled_{false};  // written under mutex_
};

}  // namespace studio::inference
