#include "api/serving/open_answers.h"

#include <utility>

namespace studio::api {

OpenAnswers::Lease::Lease(Lease&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), key_id_(std::move(other.key_id_)) {}

OpenAnswers::Lease::~Lease() {
  if (owner_) owner_->close(key_id_);
}

Result<OpenAnswers::Lease> OpenAnswers::open(const std::string& key_id) {
  std::scoped_lock lock(mutex_);
  auto found = of_key_.find(key_id);
  if (most_per_key_ > 0 && found != of_key_.end() && found->second >= most_per_key_) {
    return Error(Code::kQuotaExceeded, "This key has " + std::to_string(most_per_key_) +
                                           " requests open, which is the most it may have; wait until one ends.");
  }
  ++of_key_[key_id];
  ++count_;
  return Lease(this, key_id);
}

int OpenAnswers::count() const {
  std::scoped_lock lock(mutex_);
  return count_;
}

void OpenAnswers::close(const std::string& key_id) {
  std::scoped_lock lock(mutex_);
  --count_;
  auto found = of_key_.find(key_id);
  if (--found->second == 0) of_key_.erase(found);
}

}  // namespace studio::api
