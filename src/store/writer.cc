#include "store/writer.h"

#include <utility>

#include "base/log.h"
#include "base/stop_signals.h"

namespace studio::store {
namespace {

constexpr size_t kMaxWaiting = 4096;     // jobs; each is a blocked thread, so more means something is stuck
constexpr size_t kMaxBatch = 512;        // jobs in one transaction: keeps the wait of the first one short
constexpr int64_t kMaxLogPages = 1'000;  // 4 MB; then the log is moved into the file

}  // namespace

Writer::Writer(Connection connection) : connection_(std::move(connection)) {
  StopSignalsBlocked in_the_new_thread;
  thread_ = std::thread([this] { loop(); });
}

Writer::~Writer() {
  {
    std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  work_.notify_all();
  thread_.join();
  Status status = connection_.checkpoint(/*empty=*/true);
  if (!status.ok()) log::warn("store.checkpoint_failed", {{"detail", status.error().detail().text}});
}

Status Writer::run(Job job) {
  Waiting waiting{std::move(job)};
  std::unique_lock lock(mutex_);
  if (queue_.size() >= kMaxWaiting) return Error(Code::kOverloaded, "the store has too many writes waiting");
  queue_.push_back(&waiting);
  work_.notify_one();
  done_.wait(lock, [&] { return waiting.is_done; });
  return std::move(waiting.status);
}

uint64_t Writer::commits() const {
  std::lock_guard lock(mutex_);
  return commits_;
}

void Writer::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return is_stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::vector<Waiting*> batch;
    while (!queue_.empty() && batch.size() < kMaxBatch) {
      batch.push_back(queue_.front());
      queue_.pop_front();
    }
    lock.unlock();
    run_batch(batch);
    lock.lock();
    ++commits_;
    for (Waiting* waiting : batch) waiting->is_done = true;
    done_.notify_all();
  }
}

void Writer::run_batch(const std::vector<Waiting*>& batch) {
  Status status = connection_.execute("BEGIN IMMEDIATE");
  if (status.ok()) {
    for (Waiting* waiting : batch) waiting->status = run_in_savepoint(*waiting);
    status = connection_.execute("COMMIT");
    if (!status.ok()) (void)connection_.execute("ROLLBACK");  // fails only where SQLite has rolled back already
  }
  if (!status.ok()) {
    for (Waiting* waiting : batch) waiting->status = status;
    return;
  }
  if (connection_.log_pages() > kMaxLogPages) {
    Status checkpointed = connection_.checkpoint(/*empty=*/false);
    if (!checkpointed.ok()) log::warn("store.checkpoint_failed", {{"detail", checkpointed.error().detail().text}});
  }
}

Status Writer::run_in_savepoint(Waiting& waiting) {
  STUDIO_CHECK_OK(connection_.execute("SAVEPOINT job"));
  Status status = waiting.job(connection_);
  if (!status.ok()) (void)connection_.execute("ROLLBACK TO job");  // the job's own error is the one to tell
  Status released = connection_.execute("RELEASE job");
  return status.ok() ? std::move(released) : std::move(status);
}

}  // namespace studio::store
