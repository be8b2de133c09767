// A compiled constraint: a graph of small nodes that an automaton walks byte by byte. Immutable; share it.
//
// A node reads a byte, or chooses, or calls a rule, or repeats with a count, or returns to who called. Calls are what
// makes recursion possible; a call that would return at once is a jump, so that what recurses at its end alone (lists
// in grammars, the states of a regular language) needs no stack.
// Promise: every node lies on a way to the end, as parts that no text matches are left out. Whoever has followed
// allowed bytes can always finish.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/constrain/grammar.h"

namespace studio::engine::constrain {

enum class NodeKind : uint8_t { kReturn, kBytes, kSplit, kCall, kRepeat };

struct Node {
  NodeKind kind = NodeKind::kReturn;
  int16_t only_class = -1;  // of kBytes: what it reads where that is one class of bytes
  // kBytes: a set, the next node. kSplit: where its targets begin, how many. kCall: the rule's first node, the next
  // one. kRepeat: which of the repeats.
  uint32_t a = 0, b = 0;
};

// A part that is counted while it is read: kNoLimit as max counts no further than min.
struct CountedRepeat {
  uint32_t body = 0, min = 0, max = 0, next = 0;
};

struct Program {
  static constexpr uint32_t kReturn = 0;  // the one node that returns

  std::vector<Node> nodes;
  std::vector<uint32_t> targets;
  std::vector<CountedRepeat> repeats;
  uint32_t start = kReturn;

  // Bytes that no set tells apart are one class.
  std::array<uint8_t, 256> class_of{};
  int class_count = 1;
  std::vector<ByteSet> class_sets;      // of kBytes: which classes
  std::vector<uint8_t> byte_of_class;   // one of each
  std::vector<uint8_t> is_single_byte;  // [class_count] 1: the class is one byte

  size_t memory_bytes() const;

  // Errors: invalid_argument where no text matches; unimplemented for left recursion and for repeats of what may be
  // empty; payload_too_large past the limits of grammar.h.
  static Result<std::shared_ptr<const Program>> compile(const Grammar& grammar, RuleId root);
};

}  // namespace studio::engine::constrain
