#include "engine/constrain/automaton.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "engine/constrain/hash.h"
#include "engine/constrain/way_out.h"

namespace studio::engine::constrain {
namespace {

// Nodes at once: an enum of every word of a large vocabulary has some 10,000. Ambiguity past it is no grammar's need.
constexpr size_t kMaxReached = 100'000;

}  // namespace

Automaton::Automaton(std::shared_ptr<const Program> program, const Limits& limits)
    : program_(std::move(program)),
      limits_(limits),
      classes_(static_cast<size_t>(program_->class_count)),
      spaces_(classes_of_spaces(*program_)),
      literal_at_(program_->nodes.size(), kDead),
      stack_at_(program_->nodes.size(), Stacks::kNone) {
  memory_bytes_ = stack_at_.size() * (sizeof(StackId) + sizeof(StateId)) + program_->memory_bytes();
  states_.push_back({.only_next = kDead, .is_literal = true});
  reach(program_->start, Stacks::kBottom);
  start_ = close();
}

StateId Automaton::make_step(StateId state, uint8_t byte_class) {
  ByteSet alike = ~ByteSet();  // classes that the same items read: most letters of a string
  for (const Item& item : items(state)) {
    const Node& node = program_->nodes[item.node];
    if (node.only_class >= 0) {
      const auto only = static_cast<uint8_t>(node.only_class);
      if (only == byte_class) {
        reach(node.b, item.stack);
        alike &= ByteSet().set(only);
      } else {
        alike.reset(only);
      }
      continue;
    }
    const ByteSet& set = program_->class_sets[node.a];
    if (set[byte_class]) {
      reach(node.b, item.stack);
      alike &= set;
    } else {
      alike &= ~set;
    }
  }
  const StateId made = close();
  if (!is_full_ || made != kDead) keep_step(state, byte_class, alike, made);
  return made;
}

void Automaton::keep_step(StateId state, uint8_t byte_class, const ByteSet& alike, StateId next) {
  State& here = states_[state];
  if (here.row == kNoRow && here.only_next == kUnknown && next != kDead) {
    here.only_class = byte_class;
    here.only_next = next;
    return;
  }
  if (here.row == kNoRow) {
    here.row = static_cast<uint32_t>(next_.size());
    next_.insert(next_.end(), classes_, kUnknown);
    memory_bytes_ += classes_ * sizeof(StateId);
    next_[here.row + here.only_class] = here.only_next;
  }
  for (size_t i = alike._Find_first(); i < classes_; i = alike._Find_next(i)) next_[here.row + i] = next;
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
  if (const std::optional<Item> alone = follow_single()) return intern({&*alone, 1}, false);
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
  found_.clear();
  uint32_t depth = 0;
  for (const uint32_t node : reached_) {
    if (program_->nodes[node].kind == NodeKind::kBytes) {
      found_.push_back({node, stack_at_[node]});
      depth = std::max(depth, stacks_.depth(stack_at_[node]));
    }
    stack_at_[node] = Stacks::kNone;
  }
  reached_.clear();
  arrived_.clear();
  std::ranges::sort(found_, {}, &Item::node);
  const bool may_end = std::exchange(may_end_, false);
  if (depth >= kDeepStack) keep_way_out(may_end);
  return is_whole ? intern(found_, may_end) : refuse();
}

void Automaton::keep_way_out(bool may_end) {
  if (may_end) return found_.clear();
  if (bytes_to_return_.empty()) bytes_to_return_ = bytes_to_return(*program_);
  const auto bytes_of = [this](const Item& item) {
    return sum_of_bytes(bytes_to_return_[item.node], bytes_to_end(item.stack));
  };
  uint32_t fewest = kFarAway;
  for (const Item& item : found_) fewest = std::min(fewest, bytes_of(item));
  std::erase_if(found_, [&](const Item& item) { return bytes_of(item) > fewest; });
}

uint32_t Automaton::bytes_to_end(StackId stack) {
  if (bytes_to_end_.size() < stacks_.size()) bytes_to_end_.resize(stacks_.size(), kFarAway);
  if (bytes_to_end_[stack] != kFarAway) return bytes_to_end_[stack];
  uint32_t fewest = kFarAway;
  for (const Frame& frame : stacks_.frames(stack)) {
    if (frame.node == Stacks::kEnd) return bytes_to_end_[stack] = 0;
    const Node& node = program_->nodes[frame.node];
    const bool is_begun = node.kind == NodeKind::kRepeat && frame.count > 0;
    const uint32_t here = is_begun ? bytes_to_leave(program_->repeats[node.a], frame.count, bytes_to_return_)
                                   : bytes_to_return_[frame.node];
    fewest = std::min(fewest, sum_of_bytes(here, bytes_to_end(frame.below)));
  }
  return bytes_to_end_[stack] = fewest;
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
  const size_t count = stacks_.frames(stack).size();
  work_ += count;
  for (size_t i = 0; i < count; ++i) {
    const Frame frame = stacks_.frames(stack)[i];  // they move as others are made
    if (frame.node == Stacks::kEnd) {
      may_end_ = true;
    } else if (program_->nodes[frame.node].kind == NodeKind::kRepeat && frame.count > 0) {
      follow_repeat(frame.node, frame.count, frame.below);
    } else {
      reach(frame.node, frame.below);
    }
  }
}

std::optional<Automaton::Item> Automaton::follow_single() {
  while (arrived_.size() == 1 && !may_end_ && has_room()) {
    const Item item = arrived_.front();
    arrived_.clear();
    if (program_->nodes[item.node].kind == NodeKind::kBytes) return item;
    follow(item.node, item.stack);
  }
  return std::nullopt;
}

StateId Automaton::intern(std::span<const Item> found, bool may_end) {
  if (found.empty() && !may_end) return kDead;
  if (found.size() == 1 && !may_end && program_->nodes[found.front().node].only_class >= 0) {
    return intern_literal(found.front());
  }
  uint64_t hash = may_end ? 1 : 2;
  for (const Item& item : found) hash = mix(hash, uint64_t{item.node} << 32 | item.stack);
  const StateId known = by_hash_.find(
      hash, [&](StateId id) { return states_[id].may_end == may_end && std::ranges::equal(items(id), found); });
  if (known != IdTable::kNone) return known;
  const StateId made = add_state(found, may_end);
  if (made != kDead) by_hash_.add(hash, made);
  return made;
}

// Found by its node. Where one node comes with several stacks in turns a state may be made again, as often as there are
// steps that lead to it from others.
StateId Automaton::intern_literal(const Item& item) {
  StateId& last = literal_at_[item.node];
  if (last != kDead && items(last).front() == item) return last;
  const StateId made = add_state({&item, 1}, false);
  if (made == kDead) return kDead;
  states_[made].only_class = static_cast<uint8_t>(program_->nodes[item.node].only_class);
  states_[made].is_literal = true;
  return last = made;
}

StateId Automaton::add_state(std::span<const Item> found, bool may_end) {
  memory_bytes_ += found.size() * sizeof(Item) + sizeof(State);
  if (!has_room()) return refuse();
  states_.push_back({.first = static_cast<uint32_t>(items_.size()),
                     .count = static_cast<uint32_t>(found.size()),
                     .may_end = may_end});
  items_.insert(items_.end(), found.begin(), found.end());
  note_only_bytes(states_.back());
  return static_cast<StateId>(states_.size() - 1);
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

// While the state is made, of what its next step looks at as well.
void Automaton::note_only_bytes(State& state) const {
  ByteSet allowed;
  for (uint32_t i = 0; i < state.count; ++i) {
    allowed |= program_->class_sets[program_->nodes[items_[state.first + i].node].a];
    if ((allowed & ~spaces_).count() > 1) return;
  }
  state.only_visible_byte = only_byte(allowed & ~spaces_);
  if (!state.may_end) state.forced_byte = only_byte(allowed);
}

int16_t Automaton::only_byte(const ByteSet& classes) const {
  if (classes.count() != 1) return -1;
  const size_t only = classes._Find_first();
  return program_->is_single_byte[only] != 0 ? program_->byte_of_class[only] : -1;
}

// In the order of their numbers, which is that in which they are made: by their texts' lengths, but that what must come
// is made at once, so that it lies side by side.
void Automaton::make_ahead(uint64_t work) {
  const uint64_t most = this->work() + work;
  const std::vector<uint8_t> bytes = plain_bytes(*program_);
  for (StateId state = start_; state != kDead && state < states_.size(); ++state) {
    for (const uint8_t byte : bytes) {
      if (this->work() >= most || is_full_) return;
      StateId next = step(state, byte);
      while (forced_byte(next) >= 0 && !knows_some(next)) next = step(next, static_cast<uint8_t>(forced_byte(next)));
    }
  }
}

std::vector<uint8_t> Automaton::plain_bytes(const Program& program) {
  std::vector<uint8_t> bytes;
  ByteSet taken;
  for (int byte = 0; byte < 0x7F; ++byte) {
    const uint8_t byte_class = program.class_of[static_cast<size_t>(byte)];
    if ((byte < ' ' && byte != '\n') || byte == '\\' || taken[byte_class]) continue;
    taken.set(byte_class);
    bytes.push_back(static_cast<uint8_t>(byte));
  }
  return bytes;
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
