#include "engine/kv/sequence_state.h"

#include <algorithm>

namespace studio::engine {

bool SequenceState::reserve(int tokens) {
  const int missing = pages_for(tokens) - pages();
  if (missing > pool_->free()) return false;
  for (int i = 0; i < missing; ++i) table_.push_back(pool_->take());
  return true;
}

void SequenceState::truncate(int tokens) {
  length_ = std::min(length_, tokens);
  const size_t keep = static_cast<size_t>(pages_for(tokens));
  while (table_.size() > keep) {
    pool_->release(table_.back());
    table_.pop_back();
  }
}

}  // namespace studio::engine
