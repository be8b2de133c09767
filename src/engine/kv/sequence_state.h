// What a model remembers of one sequence: its pages, and how many positions of them are computed.
//
// Scheduler, prefix sharing, speculation and failover know only this object's verbs: reserve, advance, adopt, copy,
// truncate, release. A family with recurrent layers (convolution tail, delta-rule matrices) keeps its state here beside
// the pages and gives the same verbs a meaning for it; attention needs nothing but the page table. Move-only; gives its
// pages back when it goes. Threads: scheduler thread.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/kv/page_pool.h"

namespace studio::engine {

class SequenceState {
 public:
  explicit SequenceState(PagePool* pool) : pool_(pool) {}
  SequenceState(SequenceState&& other) noexcept
      : pool_(other.pool_), table_(std::exchange(other.table_, {})), length_(std::exchange(other.length_, 0)) {}
  SequenceState& operator=(SequenceState&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(table_, other.table_);
    std::swap(length_, other.length_);
    return *this;
  }
  ~SequenceState() { release(); }

  int length() const { return length_; }  // positions computed
  const int32_t* page_table() const { return table_.data(); }
  int pages() const { return static_cast<int>(table_.size()); }

  // Pages for `tokens` positions in all; takes all that are missing or none. False: the pool has too few.
  bool reserve(int tokens);
  // The next `tokens` positions are computed; they lie within the reserved pages.
  void advance(int tokens) { length_ += tokens; }
  // Page `index`, the first that is not filled or one before it, is computed already and lies in `page`: it is held, in
  // the place of an own one where there is one. Holders of a page only read it.
  void adopt(int index, int32_t page);
  // Page `index`, an own one, gets the content of `page`, of which the first `tokens` positions are this sequence's.
  void copy(int index, int32_t page, int tokens);
  // Forgets what lies behind the first `tokens` positions. What is written next must not lie in an adopted page.
  void truncate(int tokens);
  void release() { truncate(0); }

 private:
  PagePool* pool_;
  std::vector<int32_t> table_;  // position s lies in table_[s / 16], lane s % 16
  int length_ = 0;
};

}  // namespace studio::engine
