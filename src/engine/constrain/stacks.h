// Where the calls and counted repeats under way return to: all stacks at once that a text may have led to.
//
// A stack set is a set of frames, each with the set of stacks below it, so that what is common to many stacks is there
// once (the graph-structured stack of Tomita). Equal sets have equal ids.
// Nothing is ever taken out; the owner drops the whole. Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/constrain/id_table.h"

namespace studio::engine::constrain {

using StackId = uint32_t;

// Levels of nesting in the text, from which on nothing but the shortest way to its end may follow; JSON readers stop at
// 64 to 512.
inline constexpr uint32_t kDeepStack = 256;
// Past it nothing deeper is begun: that way out may nest on, in real forms by some levels.
inline constexpr uint32_t kMaxStackDepth = kDeepStack + 128;

struct Frame {
  uint32_t node = 0;   // kCall: where to go on. kRepeat: the node itself
  uint32_t count = 0;  // of a repeat: times the body has been begun
  StackId below = 0;
  auto operator<=>(const Frame&) const = default;
};

class Stacks {
 public:
  static constexpr StackId kNone = UINT32_MAX;
  static constexpr StackId kBottom = 0;         // the empty stack alone
  static constexpr uint32_t kEnd = UINT32_MAX;  // the node of the frame that stands for the empty stack

  Stacks();

  uint32_t depth(StackId id) const { return sets_[id].depth; }
  size_t size() const { return sets_.size(); }
  std::span<const Frame> frames(StackId id) const { return {frames_.data() + sets_[id].first, sets_[id].count}; }
  // kNone past kMaxStackDepth.
  StackId push(StackId below, uint32_t node, uint32_t count);
  StackId join(StackId a, StackId b);
  // Of at least one. Halves are joined, so that N of them make sets of N log N frames together.
  StackId join_all(std::span<const StackId> ids);
  // The set that is the same as one of another's. `known` holds those that were taken over before.
  StackId adopt(const Stacks& other, StackId id, std::unordered_map<StackId, StackId>& known);
  // Frames that were looked at so far, by all of it.
  uint64_t work() const { return work_; }
  size_t memory_bytes() const;

 private:
  struct Set {
    uint32_t first = 0, count = 0, depth = 0;
  };
  StackId intern(std::span<const Frame> frames);

  std::vector<Frame> frames_;
  std::vector<Set> sets_;
  IdTable by_hash_;
  std::unordered_map<uint64_t, StackId> joined_;
  uint64_t work_ = 0;
};

}  // namespace studio::engine::constrain
