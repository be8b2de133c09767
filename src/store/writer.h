// Group commit: one thread, one connection, one fsync for all who wait.
//
// A commit at synchronous=FULL costs milliseconds of disk, whatever it holds. So callers queue their jobs, the writer
// runs all that are waiting inside one transaction (each in a savepoint of its own), commits, and wakes them. The same
// connection checkpoints, between commits: no second one ever writes or checkpoints.
// Threads: run() from any thread; it blocks until the job is durable or has failed.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "store/sqlite.h"

namespace studio::store {

class Writer {
 public:
  explicit Writer(Connection connection);
  ~Writer();  // finishes what is queued, empties the log

  using Job = std::function<Status(Connection&)>;
  // Ok only when the job's changes would survive a power cut. On an error nothing of the job is kept.
  // Errors: the job's own; overloaded when kMaxWaiting jobs wait already; unavailable when the disk is full.
  Status run(Job job);

  uint64_t commits() const;

 private:
  struct Waiting {
    Job job;
    Status status = Ok{};
    bool is_done = false;
  };

  void loop();
  void run_batch(const std::vector<Waiting*>& batch);
  Status run_in_savepoint(Waiting& waiting);

  Connection connection_;  // the writer thread's alone

  mutable std::mutex mutex_;
  std::condition_variable work_, done_;
  std::deque<Waiting*> queue_;  // of callers blocked in run(), who own them
  bool is_stopping_ = false;
  uint64_t commits_ = 0;

  std::thread thread_;
};

}  // namespace studio::store
