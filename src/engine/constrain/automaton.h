// The deterministic automaton of a program, made state by state as texts lead there.
//
// A state is what may come next: the nodes that read a byte, each with the stacks it would return to. Two texts after
// which the same may follow are in one state, so what is remembered of a state (its successors here, its mask in
// token_masks.h) serves every request with the same constraint.
// Memory and work are bounded: past a limit a step that is not known yet gives kDead, and refusals() counts it. Whoever
// meets that goes on in a fresh automaton, which adopts the state (matcher.h); what does not fit there either is more
// than the constraint may take, whoever else uses it. Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/constrain/id_table.h"
#include "engine/constrain/program.h"
#include "engine/constrain/stacks.h"

namespace studio::engine::constrain {

using StateId = uint32_t;

class Automaton {
 public:
  static constexpr StateId kDead = 0;  // no text that began so satisfies the constraint

  struct Limits {
    size_t memory_bytes = 0;
    uint64_t work = 0;  // nodes and frames looked at, for all states together
  };
  Automaton(std::shared_ptr<const Program> program, const Limits& limits);

  StateId start() const { return start_; }
  StateId step(StateId state, uint8_t byte) {
    const uint8_t byte_class = program_->class_of[byte];
    const StateId known = known_step(states_[state], byte_class);
    return known != kUnknown ? known : make_step(state, byte_class);
  }
  StateId walk(StateId state, std::span<const uint8_t> bytes) {
    for (const uint8_t byte : bytes) state = step(state, byte);
    return state;
  }
  // The text so far may end here.
  bool may_end(StateId state) const { return states_[state].may_end; }
  // Places in the program where it may go on: what a step has to look at.
  size_t ways(StateId state) const { return states_[state].count; }
  // Some byte may follow.
  bool goes_on(StateId state) const { return states_[state].count > 0; }
  // The one byte that may follow; -1 where there is a choice, or an end.
  int forced_byte(StateId state) const { return states_[state].forced_byte; }
  // The one byte that may follow but for white space; -1 where there is a choice, or none.
  int only_visible_byte(StateId state) const { return states_[state].only_visible_byte; }

  // Makes the states of short plain texts, up to `work` more of it: a text finds them made, of which its steps are a
  // look each. Changes nothing that may follow.
  void make_ahead(uint64_t work);

  // The state of another automaton of the same program; kDead where it does not fit.
  StateId adopt(const Automaton& other, StateId state);

  bool is_full() const { return is_full_; }
  // Steps that were not made for want of memory or work.
  uint64_t refusals() const { return refusals_; }
  uint64_t work() const { return work_ + stacks_.work(); }
  // Something was left out because it nests past kMaxStackDepth; only where the shortest way to an end does.
  bool met_depth_limit() const { return met_depth_limit_; }
  size_t memory_bytes() const {
    return memory_bytes_ + by_hash_.memory_bytes() + stacks_.memory_bytes() +
           (bytes_to_return_.size() + bytes_to_end_.size()) * sizeof(uint32_t);
  }
  size_t state_count() const { return states_.size(); }
  const Program& program() const { return *program_; }
  const std::shared_ptr<const Program>& shared_program() const { return program_; }

 private:
  static constexpr StateId kUnknown = UINT32_MAX;
  static constexpr uint32_t kNoRow = UINT32_MAX;

  struct Item {
    uint32_t node = 0;
    StackId stack = 0;
    bool operator==(const Item&) const = default;
  };
  // Most states are passed by one way alone, and many have no other. Such have no row of steps, so that those of a text
  // lie side by side: the time of a step is mostly that of memory, which the model's pass has driven out.
  struct State {
    uint32_t first = 0, count = 0;  // of items_
    uint32_t row = kNoRow;          // where its steps begin in next_
    StateId only_next = kUnknown;   // without a row: the step that is known
    uint8_t only_class = 0;         // by this class
    bool is_literal = false;        // no other class leads on
    bool may_end = false;
    int16_t forced_byte = -1, only_visible_byte = -1;
  };

  std::span<const Item> items(StateId state) const {
    return {items_.data() + states_[state].first, states_[state].count};
  }
  StateId known_step(const State& state, uint8_t byte_class) const {
    if (state.row != kNoRow) return next_[state.row + byte_class];
    if (state.only_class == byte_class) return state.only_next;
    return state.is_literal ? kDead : kUnknown;
  }
  bool knows_some(StateId state) const { return states_[state].row != kNoRow || states_[state].only_next != kUnknown; }
  StateId make_step(StateId state, uint8_t byte_class);
  // `alike`: all classes that lead there.
  void keep_step(StateId state, uint8_t byte_class, const ByteSet& alike, StateId next);
  void note_only_bytes(State& state) const;
  // The one byte of those classes; -1 where there is none, or more.
  int16_t only_byte(const ByteSet& classes) const;
  // Of bytes, nothing but white space.
  static ByteSet classes_of_spaces(const Program& program);
  // One byte of each that plain text has: letters, marks, a line end; no escapes, no other scripts.
  static std::vector<uint8_t> plain_bytes(const Program& program);
  // All that `arrived_` reaches without a byte.
  StateId close();
  void reach(uint32_t node, StackId stack);
  void follow(uint32_t node, StackId stack);
  void follow_repeat(uint32_t node, uint32_t done, StackId stack);
  void follow_return(StackId stack);
  // Of `found_`, whose stacks are deep: nothing but what is nearest to the end of the text.
  void keep_way_out(bool may_end);
  uint32_t bytes_to_end(StackId stack);
  // The node that reads, where one way alone leads on from what is reached. Else it has gone as far as that holds.
  std::optional<Item> follow_single();
  // `found`: by node.
  StateId intern(std::span<const Item> found, bool may_end);
  StateId intern_literal(const Item& item);
  // kDead, refused, where it has no room.
  StateId add_state(std::span<const Item> found, bool may_end);
  bool has_room() const { return memory_bytes() <= limits_.memory_bytes && work() <= limits_.work; }
  StateId refuse();

  // What a step that is known looks at.
  std::shared_ptr<const Program> program_;
  std::vector<State> states_;
  std::vector<StateId> next_;  // [row, class]
  uint64_t refusals_ = 0;
  bool is_full_ = false, met_depth_limit_ = false;

  const Limits limits_;
  size_t memory_bytes_ = 0;
  uint64_t work_ = 0;
  size_t classes_;
  ByteSet spaces_;
  Stacks stacks_;
  std::vector<Item> items_;
  IdTable by_hash_;                  // states but for literals
  std::vector<StateId> literal_at_;  // [node] made last of it alone, where it reads one class; kDead for none
  StateId start_ = kDead;

  // Of deep texts (way_out.h), made where one is met.
  std::vector<uint32_t> bytes_to_return_;  // [node]
  std::vector<uint32_t> bytes_to_end_;     // [stack] kFarAway where it is not known

  // Of the closure under way.
  std::vector<StackId> stack_at_;  // [node] kNone where it is not reached
  std::vector<uint32_t> reached_;  // nodes, each once
  std::vector<Item> arrived_;      // of the next round
  std::vector<Item> round_;
  std::vector<StackId> joining_;
  std::vector<Item> found_;
  bool may_end_ = false;
};

}  // namespace studio::engine::constrain
