// Beginnings that are held for a time, for who was promised to find them: they count as free, so that whoever runs gets
// his pages, but go after all others. Only the last page of a beginning carries the hold, as leaves alone are given up.
#include <algorithm>

#include "engine/kv/prefix_tree.h"

namespace studio::engine {

PrefixTree::Node* PrefixTree::ancestor_at(const Place& place, int pages) const {
  Node* node = place.node;
  for (int i = place.pages; i > pages; --i) node = node->parent;
  return node;
}

int PrefixTree::held_pages(const Place& place, int most) const {
  int pages = std::min(most, place.pages);
  if (pages <= 0) return 0;
  for (const Node* node = ancestor_at(place, pages); pages > 0; node = node->parent, --pages) {
    const bool is_held =
        std::ranges::any_of(node->holds, [&](const Holds::iterator& hold) { return hold->salt == place.salt; });
    if (is_held) return pages;
  }
  return 0;
}

bool PrefixTree::hold(const Place& place, int pages, Time until) {
  Node& last = *ancestor_at(place, pages);
  const auto own = std::ranges::find_if(last.holds, [&](const auto& hold) { return hold->salt == place.salt; });
  if (own != last.holds.end()) {
    (*own)->until = std::max((*own)->until, until);
    return true;
  }
  const auto is_full = [&] {
    return holds_.size() >= kMaxHolds || held_ + not_held(last) > pool_->total() / kHeldShare;
  };
  while (is_full()) {
    if (!drop_oldest(place.salt, until)) return false;
  }
  held_ += not_held(last);
  for (Node* node = &last; node->parent != nullptr; node = node->parent) ++node->holds_on;
  last.holds.push_back(holds_.insert(holds_.end(), {&last, place.salt, until}));
  rerank(last);
  return true;
}

// Pages up to this one that nobody holds.
int PrefixTree::not_held(const Node& last) {
  int pages = 0;
  for (const Node* node = &last; node->parent != nullptr && node->holds_on == 0; node = node->parent) ++pages;
  return pages;
}

// Of the salt's own, the hold that ends first and before that time: who marks much loses what he marked long ago, and
// nobody else's.
bool PrefixTree::drop_oldest(uint64_t salt, Time before) {
  auto oldest = holds_.end();
  for (auto hold = holds_.begin(); hold != holds_.end(); ++hold) {
    if (hold->salt != salt || hold->until >= before) continue;
    if (oldest == holds_.end() || hold->until < oldest->until) oldest = hold;
  }
  if (oldest == holds_.end()) return false;
  drop_hold(oldest);
  return true;
}

// Each step looks at all of them: at most kMaxHolds, and a few in practice.
void PrefixTree::end_holds(Time now) {
  for (auto hold = holds_.begin(); hold != holds_.end();) {
    const auto next = std::next(hold);
    if (hold->until <= now) drop_hold(hold);
    hold = next;
  }
}

void PrefixTree::drop_hold(Holds::iterator hold) {
  Node& last = *hold->node;
  std::erase(last.holds, hold);
  holds_.erase(hold);
  for (Node* node = &last; node->parent != nullptr; node = node->parent) {
    if (--node->holds_on == 0) --held_;
  }
  rerank(last);
}

// Among the leaves, where it is one, by whether it is held.
void PrefixTree::rerank(Node& node) {
  const bool is_leaf = leaves_.erase(node.rank) > 0;
  node.rank.is_held = !node.holds.empty();
  if (is_leaf) leaves_.emplace(node.rank, &node);
}

}  // namespace studio::engine
