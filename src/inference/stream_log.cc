#include "inference/stream_log.h"

#include <utility>

namespace studio::inference {

struct StreamLog::Entry::Record {
  explicit Record(int64_t limit) : max_tokens(limit) {}

  const int64_t max_tokens;
  mutable std::mutex mutex;
  std::vector<engine::TokenId> ids;  // guarded by mutex
};

StreamLog::Entry::Entry(StreamLog* log, std::string request_id, std::shared_ptr<Record> record)
    : log_(log), request_id_(std::move(request_id)), record_(std::move(record)) {}

StreamLog::Entry::Entry(Entry&& other) noexcept
    : log_(std::exchange(other.log_, nullptr)),
      request_id_(std::move(other.request_id_)),
      record_(std::move(other.record_)) {}

StreamLog::Entry::~Entry() {
  if (log_ != nullptr) log_->close(request_id_, record_->max_tokens);
}

void StreamLog::Entry::append(engine::TokenId id) {
  std::scoped_lock lock(record_->mutex);
  record_->ids.push_back(id);
}

std::vector<engine::TokenId> StreamLog::Entry::ids() const {
  std::scoped_lock lock(record_->mutex);
  return record_->ids;
}

size_t StreamLog::Entry::size() const {
  std::scoped_lock lock(record_->mutex);
  return record_->ids.size();
}

Result<StreamLog::Entry> StreamLog::open(const std::string& request_id, int64_t max_tokens) {
  std::scoped_lock lock(mutex_);
  if (records_.contains(request_id)) return Error(Code::kConflict, "A stream of this request id is running.");
  if (max_tokens > max_tokens_ - reserved_tokens_) {
    return Error(Code::kOverloaded, "Too many tokens are being generated at once; try again in a moment.")
        .with_retry_after(std::chrono::seconds(1));
  }
  auto record = std::make_shared<Entry::Record>(max_tokens);
  reserved_tokens_ += max_tokens;
  records_.emplace(request_id, record);
  return Entry(this, request_id, std::move(record));
}

size_t StreamLog::streams() const {
  std::scoped_lock lock(mutex_);
  return records_.size();
}

Result<std::vector<engine::TokenId>> StreamLog::ids(const std::string& request_id) const {
  std::shared_ptr<Entry::Record> record;
  {
    std::scoped_lock lock(mutex_);
    auto found = records_.find(request_id);
    if (found == records_.end()) return Error(Code::kNotFound, "No stream of this request id is running.");
    record = found->second;
  }
  std::scoped_lock lock(record->mutex);
  return record->ids;
}

void StreamLog::close(const std::string& request_id, int64_t max_tokens) {
  std::scoped_lock lock(mutex_);
  records_.erase(request_id);
  reserved_tokens_ -= max_tokens;
}

}  // namespace studio::inference
