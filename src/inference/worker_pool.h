// The workers of one model and the streams that run on them: who runs where, who waits, who is tried.
//
// Behind worker_client.h. A stream is with a worker (Worker::connections) or waits (waiting_). When a worker goes down
// it is judged which of its streams may have been the cause; placing then brings them back, suspects one at a time.
// Threads: links and streams report from their I/O threads, the monitor ticks the links and places; one mutex for all.
// Lock order: the pool's, then a stream's or a link's.
#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "inference/adapter_list.h"
#include "inference/lifetime_stats.h"
#include "inference/silence_watch.h"
#include "inference/stream_log.h"
#include "inference/suspects.h"
#include "inference/worker_client.h"
#include "inference/worker_link.h"
#include "inference/worker_stream.h"

namespace studio::inference {

// Streams that wait for a worker to come back, or for trials to end: as many as some full queues.
inline constexpr size_t kMaxWaitingStreams = 1024;

using StreamPtr = std::shared_ptr<WorkerStream>;

class WorkerPool final : public StreamKeeper, public std::enable_shared_from_this<WorkerPool> {
 public:
  explicit WorkerPool(WorkerClientOptions client_options);

  void start();
  void expect_end();
  void stop();  // every stream has ended and no thread runs when it returns
  Result<StreamPtr> take(TokenRequest request, engine::TokenSink sink);
  ModelStatus status() const;
  bool is_ready() const;
  void wait_for_change(std::chrono::milliseconds limit);
  void poke();
  // See WorkerClient; worker_pool_adapters.cc.
  void load_adapter(AdapterFile file, const std::function<void(Status)>& done);
  void drop_adapter(const std::string& digest, const std::function<void()>& done);

  void on_first_token(WorkerStream& stream) override;
  void on_passed(WorkerStream& stream) override;
  void on_over(WorkerStream& stream, bool is_whole) override;
  void on_lost(StreamPtr stream, Loss loss) override;

  const WorkerClientOptions options;
  StreamLog log;

 private:
  // One stream's connection.
  struct Connection {
    StreamPtr stream;
    SilenceWatch silence;
    bool is_proven = false;  // it got a token here, so its prompt is innocent
    bool is_lost = false;
    // Its client left: it stays until two pulses have shown that the worker outlived it.
    bool is_left = false;
    int pulses_since_left = 0;
    std::vector<engine::TokenId> ids;  // that it had produced by then
  };
  struct Worker {
    std::unique_ptr<WorkerLink> link;
    bool is_up = false;
    LifetimeStats counted;
    std::map<uint64_t, Connection> connections;  // by order of connecting, which is the order of the engine's queue
    uint64_t trial = 0;                          // the order of the suspect that is tried; 0: none
    std::optional<Fingerprint> trial_print;
    uint64_t culprit = 0;  // the order of the stream in which it broke the protocol

    // A worker that owes pulses may be dead: whoever can goes elsewhere.
    size_t load() const { return present() + (link->is_well() ? 0 : kMaxWaitingStreams); }
    size_t present() const;  // connections whose clients have not left
    size_t seats() const;
    // The last order that can be computed now: those behind wait in the engine's queue.
    uint64_t last_seated() const;
    bool has_unproven_besides(uint64_t order) const;
    void end_trial() {
      trial = 0;
      trial_print.reset();
    }
  };
  class Round;  // of one thing asked of every worker
  static void ask(http::Client& client, http::ClientRequest request, std::shared_ptr<Round> round);
  bool ask_each(std::vector<http::ClientRequest> requests, const std::shared_ptr<Round>& round);

  // What cannot be done under the mutex.
  struct Errands {
    std::vector<StreamPtr> cancelled;
    std::vector<std::pair<StreamPtr, Error>> failed;
    std::vector<std::pair<WorkerLink*, std::string>> condemned;
    void run();
  };

  void monitor();
  void on_up(size_t index);
  void on_beat(size_t index, const engine::EngineStats& stats);
  void on_down(size_t index, const std::string& why);
  void judge(Worker& worker, const std::string& why, std::vector<StreamPtr>& cut);
  void place_waiting(Errands& errands);
  // Whether the stream left the list, to a worker or to the errands.
  bool place(const StreamPtr& stream, bool& suspects_wait, Errands& errands);
  Worker* choose(WorkerStream& stream, bool is_suspect);
  bool is_patient(const WorkerStream& stream) const;
  bool is_tried_elsewhere(const Fingerprint& print) const;
  void connect(Worker& worker, const StreamPtr& stream, bool on_trial);
  void wait(const StreamPtr& stream);
  static Error refusal(std::chrono::milliseconds left);
  // Whether each of them is away because its model's file does not load.
  bool cannot_load() const;
  Error not_loadable() const;
  // A suspect whose client left is tried all the same, or it could stop worker after worker by leaving each time.
  void try_alone(const WorkerStream& stream, std::vector<engine::TokenId> produced);
  void quarantine(const Fingerprint& print, std::vector<StreamPtr>& cut);

  AdapterList adapters_;
  mutable std::mutex mutex_;  // guards what follows, and every stream's notes
  std::condition_variable changed_;
  bool is_end_wanted_ = false, is_stopping_ = false, is_poked_ = false, was_ever_ready_ = false;
  std::list<StreamPtr> waiting_;  // by arrival
  Suspects suspects_;
  std::chrono::steady_clock::time_point last_up_;  // a worker came (back): the wait for it is no wait for trials
  uint64_t arrivals_ = 0, orders_ = 0, resumed_ = 0;
  std::vector<Worker> workers_;  // their number never changes, and their links are there throughout

  std::thread thread_;
};

}  // namespace studio::inference
