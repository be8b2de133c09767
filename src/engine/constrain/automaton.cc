#include "engine/constrain/automaton.h"

#include <algorithm>
#include <utility>

#include "engine/constrain/hash.h"

namespace studio::engine::constrain {
namespace {

constexpr size_t kHashEntryBytes = 40;
// Nodes at once: an enum of every word of a large vocabulary has some 10,000. Ambiguity past it is no grammar's need.
constexpr size_t kMaxReached = 100'000;

}  // namespace

Automaton::Automaton(std::shared_ptr<const Program> program, const Limits& limits)
    : program_(std::move(program)),
      limits_(limits),
      classes_(static_cast<size_t>(program_->class_count)),
      spaces_(classes_of_spaces(*program_)),
      stack_at_(program_->nodes.size(), Stacks::kNone) {
  memory_bytes_ = stack_at_.size() * sizeof(StackId) + program_->memory_bytes();
  states_.push_back({});
  next_.assign(classes_, kDead);
  reach(program_->start, Stacks::kBottom);
  start_ = close();
}

StateId Automaton::make_step(StateId state, uint8_t byte_class) {
  ByteSet alike = ~ByteSet();  // classes that the same items read: most letters of a string
  for (const Item& item : items(state)) {
    const Node& node = program_->nodes[item.node];
    const ByteSet& set = program_->class_sets[node.a];
    if (set[byte_class]) {
      reach(node.b, item.stack);
      alike &= set;
    } else {
      alike &= ~set;
    }
  }
  const StateId made = close();
  if (is_full_ && made == kDead) return made;
  for (size_t i = alike._Find_first(); i < classes_; i = alike._Find_next(i)) next_[state * classes_ + i] = made;
  return made;
}

void Automaton::reach(uint32_t node, StackId stack) {
  if (stack == Stacks::kNone) {
    met_depth_limit_ = true;
    return;
  }
  ++work_;
  arrived_.push_back({node, stack});
}

// A rule that many call in a round is followed once, with all that it returns to: one by one, a thousand callers would
// make a thousand sets of stacks, each a copy of the last.
StateId Automaton::close() {
  while (!arrived_.empty() && reached_.size() <= kMaxReached && has_room()) {
    round_.swap(arrived_);
    arrived_.clear();
    std::ranges::sort(round_, {}, &Item::node);
    for (size_t i = 0; i < round_.size();) {
      const uint32_t node = round_[i].node;
      joining_.clear();
      for (; i < round_.size() && round_[i].node == node; ++i) joining_.push_back(round_[i].stack);
      const StackId before = stack_at_[node];
      if (before == Stacks::kNone) {
        reached_.push_back(node);
      } else {
        joining_.push_back(before);
      }
      stack_at_[node] = stacks_.join_all(joining_);
      if (stack_at_[node] != before) follow(node, stack_at_[node]);
    }
  }
  const bool is_whole = arrived_.empty();
  std::vector<Item> found;
  for (const uint32_t node : reached_) {
    if (program_->nodes[node].kind == NodeKind::kBytes) found.push_back({node, stack_at_[node]});
    stack_at_[node] = Stacks::kNone;
  }
  reached_.clear();
  arrived_.clear();
  const bool may_end = std::exchange(may_end_, false);
  return is_whole ? intern(found, may_end) : refuse();
}

void Automaton::follow(uint32_t node, StackId stack) {
  const Node& here = program_->nodes[node];
  switch (here.kind) {
    case NodeKind::kBytes:
      break;
    case NodeKind::kSplit:
      for (uint32_t i = 0; i < here.b; ++i) reach(program_->targets[here.a + i], stack);
      break;
    case NodeKind::kCall:
      reach(here.a, stacks_.push(stack, here.b, 0));
      break;
    case NodeKind::kRepeat:
      follow_repeat(node, 0, stack);
      break;
    case NodeKind::kReturn:
      follow_return(stack);
      break;
  }
}

void Automaton::follow_repeat(uint32_t node, uint32_t done, StackId stack) {
  const CountedRepeat& repeat = program_->repeats[program_->nodes[node].a];
  if (done >= repeat.min) reach(repeat.next, stack);
  if (done < repeat.max) {
    const uint32_t begun = repeat.max == kNoLimit ? std::min(done + 1, repeat.min) : done + 1;
    reach(repeat.body, stacks_.push(stack, node, begun));
  }
}

void Automaton::follow_return(StackId stack) {
  const std::vector<Frame> frames(stacks_.frames(stack).begin(), stacks_.frames(stack).end());
  work_ += frames.size();
  for (const Frame& frame : frames) {
    if (frame.node == Stacks::kEnd) {
      may_end_ = true;
    } else if (program_->nodes[frame.node].kind == NodeKind::kRepeat && frame.count > 0) {
      follow_repeat(frame.node, frame.count, frame.below);
    } else {
      reach(frame.node, frame.below);
    }
  }
}

StateId Automaton::intern(std::vector<Item>& found, bool may_end) {
  if (found.empty() && !may_end) return kDead;
  std::sort(found.begin(), found.end(), [](const Item& a, const Item& b) { return a.node < b.node; });
  uint64_t hash = may_end ? 1 : 2;
  for (const Item& item : found) hash = mix(hash, uint64_t{item.node} << 32 | item.stack);
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto known = begin; known != end; ++known) {
    if (states_[known->second].may_end == may_end && std::ranges::equal(items(known->second), found)) {
      return known->second;
    }
  }
  memory_bytes_ += found.size() * sizeof(Item) + sizeof(State) + classes_ * sizeof(StateId) + kHashEntryBytes;
  if (!has_room()) return refuse();
  const auto id = static_cast<StateId>(states_.size());
  states_.push_back({static_cast<uint32_t>(items_.size()), static_cast<uint32_t>(found.size()), may_end});
  items_.insert(items_.end(), found.begin(), found.end());
  next_.insert(next_.end(), classes_, kUnknown);
  by_hash_.emplace(hash, id);
  return id;
}

StateId Automaton::refuse() {
  is_full_ = true;
  ++refusals_;
  return kDead;
}

StateId Automaton::adopt(const Automaton& other, StateId state) {
  if (state == kDead) return kDead;
  std::unordered_map<StackId, StackId> known;
  std::vector<Item> found;
  for (const Item& item : other.items(state)) {
    found.push_back({item.node, stacks_.adopt(other.stacks_, item.stack, known)});
  }
  return intern(found, other.may_end(state));
}

int Automaton::forced_byte(StateId state) const {
  return may_end(state) ? -1 : only_byte_outside(ByteSet(), state);
}

int Automaton::only_byte_outside(const ByteSet& classes, StateId state) const {
  ByteSet allowed;
  for (const Item& item : items(state)) {
    allowed |= program_->class_sets[program_->nodes[item.node].a] & ~classes;
    if (allowed.count() > 1) return -1;
  }
  if (allowed.none()) return -1;
  const size_t only = allowed._Find_first();
  return program_->is_single_byte[only] != 0 ? program_->byte_of_class[only] : -1;
}

ByteSet Automaton::classes_of_spaces(const Program& program) {
  ByteSet spaces;
  for (const char space : {' ', '\n', '\r', '\t'}) spaces.set(program.class_of[static_cast<uint8_t>(space)]);
  for (int byte = 0; byte < 256; ++byte) {
    if (byte != ' ' && byte != '\n' && byte != '\r' && byte != '\t')
      spaces.reset(program.class_of[static_cast<size_t>(byte)]);
  }
  return spaces;
}

}  // namespace studio::engine::constrain
