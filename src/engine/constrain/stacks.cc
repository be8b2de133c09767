#include "engine/constrain/stacks.h"

#include <algorithm>

#include "engine/constrain/hash.h"

namespace studio::engine::constrain {

Stacks::Stacks() {
  const Frame bottom{.node = kEnd};
  frames_.push_back(bottom);
  sets_.push_back({.first = 0, .count = 1, .depth = 0});
}

StackId Stacks::push(StackId below, uint32_t node, uint32_t count) {
  if (sets_[below].depth >= kMaxStackDepth) return kNone;
  const Frame frame{.node = node, .count = count, .below = below};
  return intern({&frame, 1});
}

StackId Stacks::join(StackId a, StackId b) {
  if (a == b) return a;
  if (a > b) std::swap(a, b);
  const uint64_t key = uint64_t{a} << 32 | b;
  if (const auto known = joined_.find(key); known != joined_.end()) return known->second;
  std::vector<Frame> merged;
  const std::vector<Frame> left(frames(a).begin(), frames(a).end()), right(frames(b).begin(), frames(b).end());
  size_t i = 0, j = 0;
  while (i < left.size() && j < right.size()) {
    const auto of_left = std::pair(left[i].node, left[i].count), of_right = std::pair(right[j].node, right[j].count);
    if (of_left == of_right) {
      merged.push_back(left[i]);
      merged.back().below = join(left[i++].below, right[j++].below);
    } else {
      merged.push_back(of_left < of_right ? left[i++] : right[j++]);
    }
  }
  merged.insert(merged.end(), left.begin() + static_cast<ptrdiff_t>(i), left.end());
  merged.insert(merged.end(), right.begin() + static_cast<ptrdiff_t>(j), right.end());
  work_ += merged.size();
  return joined_[key] = intern(merged);
}

StackId Stacks::join_all(std::span<const StackId> ids) {
  if (ids.size() == 1) return ids.front();
  const size_t half = ids.size() / 2;
  const StackId first = join_all(ids.first(half));
  return join(first, join_all(ids.subspan(half)));
}

StackId Stacks::adopt(const Stacks& other, StackId id, std::unordered_map<StackId, StackId>& known) {
  if (id == kBottom) return kBottom;
  if (const auto found = known.find(id); found != known.end()) return found->second;
  std::vector<Frame> taken(other.frames(id).begin(), other.frames(id).end());
  for (Frame& frame : taken) {
    if (frame.node != kEnd) frame.below = adopt(other, frame.below, known);
  }
  work_ += taken.size();
  return known[id] = intern(taken);
}

StackId Stacks::intern(std::span<const Frame> frames_of_set) {
  uint64_t hash = frames_of_set.size();
  for (const Frame& frame : frames_of_set) {
    hash = mix(mix(mix(hash, frame.node), frame.count), frame.below);
  }
  const StackId known = by_hash_.find(hash, [&](StackId id) { return std::ranges::equal(frames(id), frames_of_set); });
  if (known != IdTable::kNone) return known;
  Set set{.first = static_cast<uint32_t>(frames_.size()), .count = static_cast<uint32_t>(frames_of_set.size())};
  for (const Frame& frame : frames_of_set) {
    if (frame.node != kEnd) set.depth = std::max(set.depth, sets_[frame.below].depth + 1);
  }
  frames_.insert(frames_.end(), frames_of_set.begin(), frames_of_set.end());
  sets_.push_back(set);
  const auto id = static_cast<StackId>(sets_.size() - 1);
  by_hash_.add(hash, id);
  return id;
}

size_t Stacks::memory_bytes() const {
  constexpr size_t kEntry = 40;  // of a hash table: key, value, link, bucket
  return frames_.size() * sizeof(Frame) + sets_.size() * sizeof(Set) + by_hash_.memory_bytes() +
         joined_.size() * kEntry;
}

}  // namespace studio::engine::constrain
