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

PrefixSharing::PrefixSharing(PagePool& pages, bool is_on, int64_t restored_bytes_per_step)
    : pages_per_step_(static_cast<int>(
          std::max<int64_t>(1, restored_bytes_per_step / static_cast<int64_t>(pages.shape().bytes_per_page())))) {
  if (is_on) tree_.emplace(&pages);
}

void PrefixSharing::use_file(PrefixFile file, PrefixTree::Writes writes) {
  if (tree_) tree_->use_file(std::move(file), writes);
}

void PrefixSharing::begin_step(std::chrono::steady_clock::time_point now) {
  budget_ = pages_per_step_;
  if (!tree_) return;
  tree_->write_page();
  tree_->end_holds(now);
}

void PrefixSharing::write_rest(std::chrono::steady_clock::duration time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (has_unwritten() && std::chrono::steady_clock::now() < end) tree_->write_page();
}

void PrefixSharing::take(Sequence& sequence) {
  if (tree_ && !sequence.is_scoring()) tree_->extend(sequence.place, all_but_the_last(sequence), sequence.state);
}

bool PrefixSharing::restore(Sequence& sequence) {
  return tree_ && !sequence.is_scoring() &&
         tree_->restore(sequence.place, all_but_the_last(sequence), sequence.state, budget_);
}

void PrefixSharing::take_beginning(Sequence& sequence) {
  if (tree_ && !sequence.is_scoring())
    tree_->copy_beginning(sequence.place, all_but_the_last(sequence), sequence.state);
}

std::span<const float> PrefixSharing::take_end(Sequence& sequence) {
  if (!tree_ || sequence.produced() > 0 || sequence.is_scoring()) return {};
  return tree_->take_end(sequence.place, sequence.ids, sequence.state);
}

bool PrefixSharing::will_compute_for(const Sequence& older, const Sequence& sequence) {
  if (sequence.is_scoring()) return false;
  const int page = sequence.place.pages;
  if (older.place.salt_of(page) != sequence.place.salt_of(page) || older.place.pages > page) return false;
  const auto needed = static_cast<size_t>(sequence.place.pages + 1) * kPageTokens;
  if (needed >= sequence.ids.size() || needed > older.ids.size()) return false;
  return std::equal(older.ids.begin(), older.ids.begin() + static_cast<ptrdiff_t>(needed), sequence.ids.begin());
}

void PrefixSharing::count(Sequence& sequence, int tokens) {
  const int length = sequence.state.length();
  if (length == 0) ++prefills_;
  if (tokens == 0) ++whole_prompts_;
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

void PrefixSharing::give_end(Sequence& sequence, std::span<const float> logits) {
  if (!tree_) return;
  give(sequence);
  tree_->keep_logits(sequence.place, all_but_the_last(sequence), logits);
}

void PrefixSharing::hold(Sequence& sequence, std::chrono::steady_clock::time_point now) {
  if (!tree_ || sequence.request.cache_marks.empty()) return;
  give(sequence);
  const auto pages_before = [&](int mark) {
    return mark < kLeastHeldTokens ? 0 : std::min(mark / kPageTokens, sequence.place.pages);
  };
  const int before = tree_->held_pages(sequence.place, pages_before(sequence.request.cache_marks.back()));
  if (before > 0) tree_->hold(sequence.place, before, now + kHeldFor);
  int held = before;
  for (const int mark : sequence.request.cache_marks) {
    const int pages = pages_before(mark);
    if (pages == 0 || !tree_->hold(sequence.place, pages, now + kHeldFor)) continue;
    held = std::max(held, pages);
  }
  sequence.held_tokens = before * kPageTokens;
  sequence.newly_held_tokens = (held - before) * kPageTokens;
}

void PrefixSharing::leave(Sequence& sequence) {
  give(sequence);
  if (tree_) tree_->insert_tail(sequence.place, computed(sequence), sequence.state);
  sequence.state.release();
  sequence.place.rewind();
}

void PrefixSharing::fail(Sequence& sequence) {
  sequence.state.release();
  if (tree_) tree_->forget(sequence.place);
  sequence.place.rewind();
}

}  // namespace studio::engine
