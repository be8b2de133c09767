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

int common_beginning(std::span<const TokenId> a, std::span<const TokenId> b) {
  return static_cast<int>(std::ranges::mismatch(a, b).in1 - a.begin());
}

int whole_pages(std::span<const TokenId> ids) {
  return static_cast<int>(ids.size()) / kPageTokens;
}

}  // namespace

PrefixTree::Key::Key(uint64_t of, std::span<const TokenId> from) : salt(of), count(static_cast<int>(from.size())) {
  std::ranges::copy(from, ids.begin());
}

bool PrefixTree::Key::operator<(const Key& other) const {
  if (salt != other.salt) return salt < other.salt;
  return std::ranges::lexicographical_compare(span(), other.span());
}

PrefixTree::PrefixTree(PagePool* pool) : pool_(pool) {
  root_.depth = -1;
  pool_->set_keeper(this);
}

PrefixTree::~PrefixTree() {
  clear();
  pool_->set_keeper(nullptr);
}

void PrefixTree::use_file(PrefixFile file, Writes writes) {
  file_.emplace(std::move(file));
  writes_ = writes;
  if (writes_ == Writes::kPublicPages) file_->wipe_all_but(kPublicSalt);
  root_.address = file_->identity();
  in_memory_.assign(static_cast<size_t>(file_->capacity()), nullptr);
  uses_ = file_->last_use();
}

// The page's ids, as far as there are.
PrefixTree::Key PrefixTree::key_at(const Place& place, int page, std::span<const TokenId> ids) {
  const std::span<const TokenId> rest = ids.subspan(static_cast<size_t>(page) * kPageTokens);
  return Key(place.salt_of(page), rest.first(std::min(rest.size(), size_t{kPageTokens})));
}

// The child that shares most with `rest`, and how much that is; null when there is none that shares a token.
PrefixTree::Node* PrefixTree::closest_child(Node& node, const Key& rest, int& common) {
  Node* closest = nullptr;
  common = 0;
  auto consider = [&](const auto& child) {
    if (child.first.salt != rest.salt) return;
    const int shared = common_beginning(rest.span(), child.first.span());
    if (shared > common) common = shared, closest = child.second.get();
  };
  const auto after = node.children.lower_bound(rest);
  if (after != node.children.end()) consider(*after);
  if (after != node.children.begin()) consider(*std::prev(after));
  return closest;
}

void PrefixTree::extend(Place& place, std::span<const TokenId> ids, SequenceState& state) {
  Node* node = &node_of(place);
  const int before = place.pages;
  for (; place.pages < whole_pages(ids); ++place.pages) {
    const auto child = node->children.find(key_at(place, place.pages, ids));
    if (child == node->children.end()) break;
    node = child->second.get();
    state.adopt(place.pages, node->rank.page);
    place.node = node;
  }
  // What copy_beginning() will want is in use too.
  int common = 0;
  Node* const next = closest_child(*node, key_at(place, place.pages, ids), common);
  if (next != nullptr) {
    touch(*next);
  } else if (place.pages > before) {
    touch(*node);
  }
}

bool PrefixTree::restore(Place& place, std::span<const TokenId> ids, SequenceState& state, int& budget) {
  if (!file_) return false;
  const int before = place.pages;
  bool has_more = false;
  while (place.pages < whole_pages(ids) && state.length() == place.pages * kPageTokens) {
    Node& parent = node_of(place);
    const Key key = key_at(place, place.pages, ids);
    const PrefixRecord record = record_of(parent, key);
    const int slot = file_->find(record);
    if (slot < 0) break;
    has_more = budget == 0;
    if (has_more) break;
    --budget;
    const int32_t page = state.page_table()[place.pages];
    if (!file_->read(slot, pool_->bytes(page))) break;
    ++restored_;
    Node& node = add(parent, key, page);
    node.address = record.address;
    link(node, slot);
    place.node = &node;
    ++place.pages;
    state.advance(kPageTokens);
  }
  if (place.pages > before) touch(*place.node);
  return has_more;
}

void PrefixTree::copy_beginning(const Place& place, std::span<const TokenId> ids, SequenceState& state) {
  int common = 0;
  Node* const next = closest_child(node_of(place), key_at(place, place.pages, ids), common);
  if (next == nullptr || place.pages * kPageTokens + common <= state.length()) return;
  state.copy(place.pages, next->rank.page, common);
}

void PrefixTree::insert(Place& place, std::span<const TokenId> ids, SequenceState& state) {
  if (place.pages >= whole_pages(ids)) return;
  for (; place.pages < whole_pages(ids); ++place.pages) {
    Node& parent = node_of(place);
    const Key key = key_at(place, place.pages, ids);
    const auto same = parent.children.find(key);
    if (same != parent.children.end()) {
      place.node = same->second.get();
      state.adopt(place.pages, place.node->rank.page);
      continue;
    }
    place.node = &add(parent, key, state.page_table()[place.pages]);
    if (!file_) continue;
    place.node->address = record_of(parent, key).address;
    if (writes_ == Writes::kPublicPages && key.salt != kPublicSalt) continue;
    place.node->unwritten = unwritten_.insert(unwritten_.end(), place.node);
  }
  touch(*place.node);
}

void PrefixTree::insert_tail(const Place& place, std::span<const TokenId> ids, const SequenceState& state) {
  const Key tail = key_at(place, place.pages, ids);
  if (tail.count == 0) return;
  Node& parent = node_of(place);
  const auto after = parent.children.lower_bound(tail);
  if (after != parent.children.end() && after->first.salt == tail.salt &&
      common_beginning(tail.span(), after->first.span()) == tail.count) {
    return touch(*after->second);
  }
  touch(add(parent, tail, state.page_table()[place.pages]));
}

PrefixTree::Ends::iterator PrefixTree::find_end(const Place& place, std::span<const TokenId> ids) {
  Node* node = &node_of(place);
  const size_t whole = static_cast<size_t>(whole_pages(ids)) * kPageTokens;
  if (place.pages + 1 == whole_pages(ids) && whole == ids.size()) {
    const auto last = node->children.find(key_at(place, place.pages, ids));
    if (last == node->children.end()) return ends_.end();
    node = last->second.get();
  } else if (place.pages < whole_pages(ids)) {
    return ends_.end();
  }
  const auto end = node->ends.find(Key(place.salt, ids.subspan(whole)));
  return end == node->ends.end() ? ends_.end() : end->second;
}

void PrefixTree::keep_logits(const Place& place, std::span<const TokenId> ids, std::span<const float> logits) {
  if (const auto kept = find_end(place, ids); kept != ends_.end()) return ends_.splice(ends_.begin(), ends_, kept);
  const auto limit = std::max<size_t>(1, static_cast<size_t>(kStoredLogitsBytes) / logits.size_bytes());
  while (ends_.size() >= limit) remove_end(std::prev(ends_.end()));
  Node& node = node_of(place);
  const Key key(place.salt, ids.subspan(static_cast<size_t>(whole_pages(ids)) * kPageTokens));
  ends_.push_front({&node, key, {logits.begin(), logits.end()}});
  node.ends.emplace(key, ends_.begin());
}

std::span<const float> PrefixTree::take_end(Place& place, std::span<const TokenId> ids, SequenceState& state) {
  const auto end = find_end(place, ids);
  if (end == ends_.end()) return {};
  extend(place, ids, state);
  copy_beginning(place, ids, state);
  if (state.length() < static_cast<int>(ids.size())) return {};  // another's end, and its last page is gone
  ends_.splice(ends_.begin(), ends_, end);
  return end->logits;
}

void PrefixTree::remove_end(Ends::iterator end) {
  end->node->ends.erase(end->key);
  ends_.erase(end);
}

// A page that is not among the children, nor the beginning of one of them.
PrefixTree::Node& PrefixTree::add(Node& parent, const Key& key, int32_t page) {
  leaves_.erase(parent.rank);
  auto node = std::make_unique<Node>();
  node->parent = &parent;
  node->depth = parent.depth + 1;
  node->cost = cost_of(node->depth, key.count);
  node->rank.page = page;
  Node& added = *node;
  const auto at = parent.children.emplace(key, std::move(node)).first;
  added.at = at;
  leaves_.emplace(added.rank, &added);
  pool_->keep(page);
  ++pages_;
  // A tail that this one begins with says nothing more. It stands right before: whatever stood between them would begin
  // with it too.
  if (at != parent.children.begin()) {
    const auto before = std::prev(at);
    const int count = before->first.count;
    const bool is_beginning = before->first.salt == key.salt && count < key.count &&
                              common_beginning(before->first.span(), key.span()) == count;
    if (is_beginning) remove(*before->second);
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
    if (at->slot >= 0) file_->touch(at->slot, uses_);
  }
}

void PrefixTree::remove(Node& leaf) {
  Node& parent = *leaf.parent;
  while (!leaf.holds.empty()) drop_hold(leaf.holds.front());
  leaves_.erase(leaf.rank);
  pool_->drop(leaf.rank.page);
  --pages_;
  while (!leaf.ends.empty()) remove_end(leaf.ends.begin()->second);
  if (leaf.unwritten) unwritten_.erase(*leaf.unwritten);
  if (leaf.slot >= 0) in_memory_[static_cast<size_t>(leaf.slot)] = nullptr;
  parent.children.erase(leaf.at);
  if (parent.children.empty() && parent.parent != nullptr) leaves_.emplace(parent.rank, &parent);
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
    Node* const parent = node->parent;
    if (node->slot >= 0) file_->drop(node->slot);
    remove(*node);
    node = parent;
  }
}

void PrefixTree::clear() {
  while (!leaves_.empty()) remove(*leaves_.begin()->second);
  while (!ends_.empty()) remove_end(ends_.begin());
}

PrefixRecord PrefixTree::record_of(const Node& parent, const Key& key) const {
  return prefix_record(parent.address, key.salt, parent.depth + 1, key.span());
}

void PrefixTree::link(Node& node, int slot) {
  node.slot = slot;
  in_memory_[static_cast<size_t>(slot)] = &node;
}

bool PrefixTree::write_page() {
  if (unwritten_.empty()) return false;
  Node& node = *unwritten_.front();
  unwritten_.pop_front();
  node.unwritten.reset();
  const PrefixRecord record = record_of(*node.parent, node.at->first);
  int slot = file_->find(record);  // of an earlier life, or of a page that was given up here and computed again
  if (slot < 0) {
    slot = file_->make_room();
    if (Node* const victim = in_memory_[static_cast<size_t>(slot)]) victim->slot = -1;
    file_->write(slot, record, pool_->bytes(node.rank.page), node.rank.used);
  }
  link(node, slot);
  return true;
}

}  // namespace studio::engine
