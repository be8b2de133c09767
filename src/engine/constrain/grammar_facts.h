// What holds of a grammar's rules: which match some text, which match the empty one, and whether one begins with
// itself.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/constrain/grammar.h"

namespace studio::engine::constrain {

class GrammarFacts {
 public:
  explicit GrammarFacts(const Grammar& grammar);

  bool matches_some(ExprId id) const { return holds(id, matches_some_, false); }
  bool may_be_empty(ExprId id) const { return holds(id, may_be_empty_, true); }
  // A rule that reaches itself before any byte is read, of those that `root` reaches.
  std::optional<RuleId> left_recursion(RuleId root) const;

 private:
  using Flags = std::vector<uint8_t>;  // [rule]

  bool holds(ExprId id, const Flags& of_rules, bool empty_alone) const;
  Flags settle(bool empty_alone) const;
  void add_rules(ExprId id, std::vector<RuleId>& rules) const;
  void add_first_rules(ExprId id, std::vector<RuleId>& rules) const;

  const Grammar& grammar_;
  Flags matches_some_, may_be_empty_;
};

}  // namespace studio::engine::constrain
