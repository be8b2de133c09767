#include "engine/schedule/prefix_sharing.h"

#include <algorithm>
#include <span>
#include <utility>

namespace studio::engine {
namespace {

std::span<const TokenId> computed(const Sequence& sequence) {
  return std::span(sequence.ids).first(static_cast<size_t>(sequence.state.length()));
}

std::span<const TokenId> all_but_the_last(const Sequence& sequence) {
  return std::span(sequence.ids).first(sequence.ids.size() - 1);
}

}  // namespace

PrefixSharing::PrefixSharing(PagePool& pages, bool is_on) {
  if (is_on) tree_.emplace(&pages);
}

void PrefixSharing::take(Sequence& sequence) {
  if (tree_) tree_->extend(sequence.place, all_but_the_last(sequence), sequence.state);
}

void PrefixSharing::take_beginning(Sequence& sequence) {
  if (tree_) tree_->copy_beginning(sequence.place, all_but_the_last(sequence), sequence.state);
}

bool PrefixSharing::will_compute_for(const Sequence& older, const Sequence& sequence) {
  if (older.place.salt != sequence.place.salt || older.place.pages > sequence.place.pages) return false;
  const auto needed = static_cast<size_t>(sequence.place.pages + 1) * kPageTokens;
  if (needed >= sequence.ids.size() || needed > older.ids.size()) return false;
  return std::equal(older.ids.begin(), older.ids.begin() + static_cast<ptrdiff_t>(needed), sequence.ids.begin());
}

void PrefixSharing::count(Sequence& sequence, int tokens) {
  const int length = sequence.state.length();
  if (length == 0) ++prefills_;
  const int found = std::min(length, sequence.prompt_tokens) - std::min(sequence.reached, sequence.prompt_tokens);
  if (found > 0) {
    sequence.cached_tokens += found;
    cached_tokens_ += static_cast<uint64_t>(found);
  }
  sequence.reached = std::max(sequence.reached, length + tokens);
}

void PrefixSharing::give(Sequence& sequence) {
  if (tree_) tree_->insert(sequence.place, computed(sequence), sequence.state);
}

void PrefixSharing::leave(Sequence& sequence) {
  give(sequence);
  if (tree_) tree_->insert_tail(sequence.place, computed(sequence), sequence.state);
  sequence.state.release();
  sequence.place = {.salt = sequence.place.salt};
}

void PrefixSharing::fail(Sequence& sequence) {
  sequence.state.release();
  const PrefixTree::Place place = std::exchange(sequence.place, {.salt = sequence.place.salt});
  if (tree_) tree_->forget(place);
}

}  // namespace studio::engine
