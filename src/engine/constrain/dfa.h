// A deterministic automaton held as a whole, for what lazily made ones cannot do: both of two languages, all but one.
//
// Used while a schema is compiled (patterns with lengths, keys that no pattern matches, ranges of numbers), never per
// token. State 0 is dead; from every other one an end can be reached. Bounded by kMaxStates.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/constrain/grammar.h"

namespace studio::engine::constrain {

class Dfa {
 public:
  static constexpr uint32_t kDead = 0;
  // Some 100 bytes each, and a few ms in all. Patterns of real schemas have under 300.
  static constexpr size_t kMaxStates = 4096;

  // The texts of an expression without recursion. Errors: those of Program::compile; payload_too_large past kMaxStates.
  static Result<Dfa> of(const Grammar& grammar, ExprId expr) { return of_expr(grammar, expr, false); }
  static Result<Dfa> of_pattern(std::string_view pattern);
  static Result<Dfa> of_texts(std::vector<std::string> texts);
  // Valid UTF-8.
  static const Dfa& any_text();

  static Result<Dfa> both(const Dfa& a, const Dfa& b);
  // Valid UTF-8 that is not in it.
  Result<Dfa> others() const;
  // Its texts of so many characters.
  Result<Dfa> with_chars(uint32_t min, uint32_t max) const;

  bool is_empty() const { return start_ == kDead; }
  size_t state_count() const { return may_end_.size(); }
  bool matches(std::string_view text) const;
  // Characters of its shortest and longest text; no longest where there is none.
  uint32_t min_chars() const;
  std::optional<uint32_t> max_chars() const;

  // Its texts as they are, or as what stands between the quotes of a JSON string: quotes, backslashes and control
  // characters escaped, in the short form where there is one, and nothing else.
  ExprId raw_expr(Grammar& grammar) const { return expr_of(grammar, false); }
  ExprId json_expr(Grammar& grammar) const { return expr_of(grammar, true); }

  // By hand: states are made, joined and ended, then tidied.
  static Dfa with_states(size_t count, uint32_t start);
  void set_next(uint32_t state, uint8_t byte, uint32_t next) { next_at(state, class_of_[byte]) = next; }
  void set_end(uint32_t state) { may_end_[state] = 1; }
  // States from which no end is reached become the dead one.
  void tidy();

 private:
  using Classes = std::array<uint8_t, 256>;

  static Result<Dfa> of_expr(const Grammar& grammar, ExprId expr, bool stops_at_ends);
  // Bytes of one class lead from each state to the same one, and are alike in whether a character begins with them.
  static Dfa with_classes(const Classes& class_of, size_t count);
  void go_on_with_any_text();
  ExprId expr_of(Grammar& grammar, bool as_json) const;
  uint32_t& next_at(size_t state, size_t byte_class) { return next_[state * class_count_ + byte_class]; }
  uint32_t next_at(size_t state, size_t byte_class) const { return next_[state * class_count_ + byte_class]; }
  uint32_t add_state();
  std::vector<uint8_t> bytes_of_classes() const;  // [class] one of each

  Classes class_of_{};
  size_t class_count_ = 1;
  std::vector<uint32_t> next_;    // [state, class]
  std::vector<uint8_t> may_end_;  // [state]
  uint32_t start_ = kDead;
};

// A text as a Dfa's json_expr writes it.
std::string json_escaped(std::string_view text);

}  // namespace studio::engine::constrain
