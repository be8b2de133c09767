// The answers that are being made, counted by the key that asked: a limit for each key, and what a drain waits for.
//
// Any thread. The counter outlives its leases.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/result.h"

namespace studio::api {

class OpenAnswers {
 public:
  // One answer, from its request until its usage is recorded. Move-only.
  class Lease {
   public:
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&&) = delete;
    ~Lease();

   private:
    friend class OpenAnswers;
    Lease(OpenAnswers* owner, std::string key_id) : owner_(owner), key_id_(std::move(key_id)) {}
    OpenAnswers* owner_;
    std::string key_id_;
  };

  explicit OpenAnswers(int most_per_key = 0) : most_per_key_(most_per_key) {}  // 0: no limit

  // Errors: quota_exceeded where the key has as many as it may.
  Result<Lease> open(const std::string& key_id);
  int count() const;

 private:
  void close(const std::string& key_id);

  const int most_per_key_;
  mutable std::mutex mutex_;
  int count_ = 0;
  std::map<std::string, int> of_key_;  // none is 0: as small as what is open
};

}  // namespace studio::api
