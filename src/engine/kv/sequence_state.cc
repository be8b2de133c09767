#include "engine/kv/sequence_state.h"

#include <algorithm>

namespace studio::engine {

bool SequenceState::reserve(int tokens) {
  const int missing = pages_for(tokens) - pages();
  if (missing > pool_->free()) return false;
  for (int i = 0; i < missing; ++i) table_.push_back(pool_->take());
  return true;
}

void SequenceState::adopt(int index, int32_t page) {
  pool_->hold(page);
  if (index == pages()) {
    table_.push_back(page);
  } else {
    pool_->release(std::exchange(table_[static_cast<size_t>(index)], page));
  }
  length_ = std::max(length_, (index + 1) * kPageTokens);
}

void SequenceState::copy(int index, int32_t page, int tokens) {
  pool_->copy(page, table_[static_cast<size_t>(index)]);
  length_ = index * kPageTokens + tokens;
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
