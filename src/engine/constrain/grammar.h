// What every kind of constraint becomes before it is compiled: expressions over bytes, and rules that name them.
//
// Front ends (regular expressions, JSON Schema, EBNF, lists of choices) build one; program.h compiles it. A rule may
// refer to itself and to rules that are defined later. Expressions are immutable and may be shared; one that nests deep
// is put into a rule of its own, so that no walk over expressions recurses further than kMaxExprDepth.
// Bounded: past kMaxExprs nothing more is added, is_too_large() says so, and compiling refuses the whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/constrain/byte_set.h"

namespace studio::engine::constrain {

using ExprId = uint32_t;
using RuleId = uint32_t;

inline constexpr uint32_t kNoLimit = UINT32_MAX;  // of a repeat
// An expression takes 28 bytes here and its node up to 20 in the program: 24 MB of the 64 a constraint may take.
inline constexpr size_t kMaxExprs = 500'000;
inline constexpr uint32_t kMaxExprDepth = 64;  // recursion over expressions stays within a small stack

enum class ExprKind : uint8_t { kNothing, kEmpty, kBytes, kSequence, kChoice, kRepeat, kRule };

struct Expr {
  ExprKind kind = ExprKind::kNothing;
  uint32_t first = 0, count = 0;  // of kSequence, kChoice: its parts. kBytes: the set. kRepeat, kRule: the one part
  uint32_t min = 0, max = 0;      // of kRepeat
  uint32_t depth = 0, size = 1;   // levels below it; nodes in all, saturating
};

class Grammar {
 public:
  Grammar();

  ExprId nothing() const { return 0; }  // matches no text at all
  ExprId empty() const { return 1; }    // matches the empty text
  ExprId bytes(const ByteSet& set);
  ExprId literal(std::string_view text);
  // Of texts, in no order: common beginnings are shared.
  ExprId literals(std::vector<std::string> texts);
  ExprId sequence(std::span<const ExprId> parts);
  ExprId sequence(std::initializer_list<ExprId> parts) { return sequence(std::span(parts.begin(), parts.size())); }
  ExprId choice(std::span<const ExprId> parts);
  ExprId choice(std::initializer_list<ExprId> parts) { return choice(std::span(parts.begin(), parts.size())); }
  ExprId repeat(ExprId part, uint32_t min, uint32_t max);
  ExprId optional(ExprId part) { return repeat(part, 0, 1); }
  ExprId rule(RuleId rule);

  RuleId add_rule();
  void define(RuleId rule, ExprId body) { rules_[rule] = body; }

  const Expr& expr(ExprId id) const { return exprs_[id]; }
  std::span<const ExprId> parts(const Expr& expr) const { return {parts_.data() + expr.first, expr.count}; }
  const ByteSet& set(const Expr& expr) const { return sets_[expr.first]; }
  size_t rule_count() const { return rules_.size(); }
  size_t set_count() const { return sets_.size(); }
  const ByteSet& set_at(size_t index) const { return sets_[index]; }
  ExprId body(RuleId rule) const { return rules_[rule]; }
  bool is_too_large() const { return is_too_large_; }

 private:
  ExprId add(Expr expr);
  ExprId join(ExprKind kind, std::span<const ExprId> parts);
  ExprId literals_between(std::span<const std::string> texts, size_t from, int level);

  std::vector<Expr> exprs_;
  std::vector<ExprId> parts_;
  std::vector<ByteSet> sets_;
  std::unordered_map<ByteSet, ExprId> by_set_;
  std::vector<ExprId> rules_;
  bool is_too_large_ = false;
};

}  // namespace studio::engine::constrain
