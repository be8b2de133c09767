// The ids each running stream has produced: "prompt + ids so far" is the whole state of a generation, so this log is
// what lets another worker, or the same one restarted, take a stream up where it broke.
//
// In memory, bounded; an entry lives as long as its stream. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/tensor/token.h"

namespace studio::inference {

// Tokens that all entries together may come to hold: 64 Mi ids are 256 MiB.
inline constexpr int64_t kMaxLoggedTokens = int64_t{64} << 20;

class StreamLog {
 public:
  // One stream's lease; gives its room back when it goes. Move-only. The log must outlive it.
  class Entry {
   public:
    Entry(Entry&& other) noexcept;
    Entry& operator=(Entry&&) = delete;
    ~Entry();

    void append(engine::TokenId id);
    std::vector<engine::TokenId> ids() const;
    size_t size() const;

   private:
    friend class StreamLog;
    struct Record;
    Entry(StreamLog* log, std::string request_id, std::shared_ptr<Record> record);
    StreamLog* log_;
    std::string request_id_;
    std::shared_ptr<Record> record_;
  };

  explicit StreamLog(int64_t max_tokens = kMaxLoggedTokens) : max_tokens_(max_tokens) {}

  // Errors: conflict when a stream of that id is running, overloaded when the room is taken.
  Result<Entry> open(const std::string& request_id, int64_t max_tokens);

  size_t streams() const;
  // What the stream has produced; not_found once it ended.
  Result<std::vector<engine::TokenId>> ids(const std::string& request_id) const;

 private:
  void close(const std::string& request_id, int64_t max_tokens);

  const int64_t max_tokens_;
  mutable std::mutex mutex_;
  int64_t reserved_tokens_ = 0;
  std::map<std::string, std::shared_ptr<Entry::Record>> records_;
};

}  // namespace studio::inference
