#include "engine/kv/prefix_tree.h"

#include <algorithm>

namespace studio::engine {
namespace {

// Where computing a token's attention costs about as much as its matrices. Counted for the 0.5B: 0.35 GFLOP in floats
// against 0.72 in bytes, of which a core does twice as many. It need not be exact: deep pages stay somewhat longer.
constexpr double kEvenPosition = 4096;

// Of computing a page again, in pages at position 0.
double cost_of(int depth, int tokens) {
  return tokens * (1 + depth * kPageTokens / kEvenPosition) / kPageTokens;
}

std::span<const TokenId> page_of(std::span<const TokenId> ids, int page) {
  const std::span<const TokenId> rest = ids.subspan(static_cast<size_t>(page) * kPageTokens);
  return rest.first(std::min(rest.size(), size_t{kPageTokens}));
}

int common_beginning(std::span<const TokenId> a, std::span<const TokenId> b) {
  return static_cast<int>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

PrefixTree::PageTokens::PageTokens(std::span<const TokenId> from) : count(static_cast<int>(from.size())) {
  std::ranges::copy(from, ids.begin());
}

bool PrefixTree::PageTokens::operator<(const PageTokens& other) const {
  return std::ranges::lexicographical_compare(span(), other.span());
}

PrefixTree::PrefixTree(PagePool* pool) : pool_(pool) {
  pool_->set_keeper(this);
}

PrefixTree::~PrefixTree() {
  clear();
  pool_->set_keeper(nullptr);
}

PrefixTree::Node* PrefixTree::find(const Place& place) {
  if (place.node != nullptr) return place.node;
  const auto root = roots_.find(place.salt);
  return root == roots_.end() ? nullptr : root->second.get();
}

PrefixTree::Node& PrefixTree::find_or_make(const Place& place) {
  if (Node* node = find(place)) return *node;
  auto root = std::make_unique<Node>();
  root->salt = place.salt;
  return *roots_.emplace(place.salt, std::move(root)).first->second;
}

// The child that shares most with `rest`, and how much that is; null when there is none that shares a token.
PrefixTree::Node* PrefixTree::closest_child(Node& node, std::span<const TokenId> rest, int& common) {
  Node* closest = nullptr;
  common = 0;
  auto consider = [&](const auto& child) {
    const int shared = common_beginning(rest, child.first.span());
    if (shared > common) common = shared, closest = child.second.get();
  };
  const auto after = node.children.lower_bound(PageTokens(rest));
  if (after != node.children.end()) consider(*after);
  if (after != node.children.begin()) consider(*std::prev(after));
  return closest;
}

void PrefixTree::extend(Place& place, std::span<const TokenId> ids, SequenceState& state) {
  Node* node = find(place);
  if (node == nullptr) return;
  const int before = place.pages;
  for (; (place.pages + 1) * kPageTokens <= static_cast<int>(ids.size()); ++place.pages) {
    const auto child = node->children.find(PageTokens(page_of(ids, place.pages)));
    if (child == node->children.end()) break;
    node = child->second.get();
    state.adopt(place.pages, node->rank.page);
    place.node = node;
  }
  // What copy_beginning() will want is in use too.
  int common = 0;
  Node* const next = closest_child(*node, page_of(ids, place.pages), common);
  if (next != nullptr) {
    touch(*next);
  } else if (place.pages > before) {
    touch(*node);
  }
}

void PrefixTree::copy_beginning(const Place& place, std::span<const TokenId> ids, SequenceState& state) {
  Node* const node = find(place);
  if (node == nullptr) return;
  int common = 0;
  Node* const next = closest_child(*node, page_of(ids, place.pages), common);
  if (next == nullptr || place.pages * kPageTokens + common <= state.length()) return;
  state.copy(place.pages, next->rank.page, common);
}

void PrefixTree::insert(Place& place, std::span<const TokenId> ids, SequenceState& state) {
  const int whole = static_cast<int>(ids.size()) / kPageTokens;
  if (whole == place.pages) return;
  Node* node = &find_or_make(place);
  for (; place.pages < whole; ++place.pages) {
    const PageTokens tokens(page_of(ids, place.pages));
    const auto same = node->children.find(tokens);
    if (same != node->children.end()) {
      node = same->second.get();
      state.adopt(place.pages, node->rank.page);
    } else {
      node = &add(*node, tokens, state.page_table()[place.pages], place.pages);
    }
  }
  place.node = node;
  touch(*node);
}

void PrefixTree::insert_tail(const Place& place, std::span<const TokenId> ids, const SequenceState& state) {
  const std::span<const TokenId> rest = page_of(ids, place.pages);
  if (rest.empty()) return;
  Node& parent = find_or_make(place);
  const PageTokens tokens(rest);
  const auto after = parent.children.lower_bound(tokens);
  if (after != parent.children.end() && common_beginning(rest, after->first.span()) == tokens.count) {
    return touch(*after->second);
  }
  touch(add(parent, tokens, state.page_table()[place.pages], place.pages));
}

// A page that is not among the children, nor the beginning of one of them.
PrefixTree::Node& PrefixTree::add(Node& parent, const PageTokens& tokens, int32_t page, int depth) {
  leaves_.erase(parent.rank);
  auto node = std::make_unique<Node>();
  node->parent = &parent;
  node->salt = parent.salt;
  node->cost = cost_of(depth, tokens.count);
  node->rank.page = page;
  Node& added = *node;
  const auto at = parent.children.emplace(tokens, std::move(node)).first;
  added.at = at;
  leaves_.emplace(added.rank, &added);
  pool_->keep(page);
  ++pages_;
  // A tail that this one begins with says nothing more. It stands right before: whatever stood between them would begin
  // with it too.
  if (at != parent.children.begin()) {
    const auto before = std::prev(at);
    const int count = before->first.count;
    if (count < tokens.count && common_beginning(before->first.span(), tokens.span()) == count) remove(*before->second);
  }
  return added;
}

// Used now: the node and what it stands on.
void PrefixTree::touch(Node& node) {
  ++uses_;
  for (Node* at = &node; at->parent != nullptr; at = at->parent) {
    const bool is_leaf = at->children.empty();
    if (is_leaf) leaves_.erase(at->rank);
    at->rank.worth = last_victim_ + at->cost;
    at->rank.used = uses_;
    if (is_leaf) leaves_.emplace(at->rank, at);
  }
}

void PrefixTree::remove(Node& leaf) {
  Node& parent = *leaf.parent;
  leaves_.erase(leaf.rank);
  pool_->drop(leaf.rank.page);
  --pages_;
  parent.children.erase(leaf.at);
  if (!parent.children.empty()) return;
  if (parent.parent == nullptr) {
    roots_.erase(parent.salt);
  } else {
    leaves_.emplace(parent.rank, &parent);
  }
}

// The leaves that are held, passed over here, are at most one for each sequence.
void PrefixTree::give_up_page() {
  const auto victim =
      std::ranges::find_if(leaves_, [&](const auto& leaf) { return pool_->holders(leaf.first.page) == 0; });
  if (victim == leaves_.end()) return;
  last_victim_ = std::max(last_victim_, victim->first.worth);
  ++evictions_;
  remove(*victim->second);
}

void PrefixTree::forget(const Place& place) {
  Node* node = place.node;
  while (node != nullptr && node->parent != nullptr && node->children.empty() && pool_->holders(node->rank.page) == 0) {
    Node* const parent = node->parent->parent == nullptr ? nullptr : node->parent;
    remove(*node);
    node = parent;
  }
}

void PrefixTree::clear() {
  while (!leaves_.empty()) remove(*leaves_.begin()->second);
}

}  // namespace studio::engine
