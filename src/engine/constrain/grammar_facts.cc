#include "engine/constrain/grammar_facts.h"

#include <algorithm>
#include <utility>

namespace studio::engine::constrain {

GrammarFacts::GrammarFacts(const Grammar& grammar)
    : grammar_(grammar), matches_some_(settle(false)), may_be_empty_(settle(true)) {}

// Both facts are of one shape: true of a sequence where it is of all parts, of a choice where it is of any. They
// differ in what a byte says.
bool GrammarFacts::holds(ExprId id, const Flags& of_rules, bool empty_alone) const {
  const Expr& expr = grammar_.expr(id);
  const auto of_part = [&](ExprId part) { return holds(part, of_rules, empty_alone); };
  switch (expr.kind) {
    case ExprKind::kNothing:
      return false;
    case ExprKind::kEmpty:
      return true;
    case ExprKind::kBytes:
      return !empty_alone;
    case ExprKind::kSequence:
      return std::ranges::all_of(grammar_.parts(expr), of_part);
    case ExprKind::kChoice:
      return std::ranges::any_of(grammar_.parts(expr), of_part);
    case ExprKind::kRepeat:
      return expr.min == 0 || of_part(expr.first);
    case ExprKind::kRule:
      return of_rules[expr.first] != 0;
  }
  return false;
}

// From "of no rule" upwards: a rule that turns true has those looked at again that mention it.
GrammarFacts::Flags GrammarFacts::settle(bool empty_alone) const {
  const size_t count = grammar_.rule_count();
  std::vector<std::vector<RuleId>> mentioned_by(count);
  std::vector<RuleId> pending, mentions;
  for (RuleId rule = 0; rule < count; ++rule) {
    mentions.clear();
    add_rules(grammar_.body(rule), mentions);
    for (const RuleId other : mentions) mentioned_by[other].push_back(rule);
    pending.push_back(rule);
  }
  Flags flags(count, 0);
  while (!pending.empty()) {
    const RuleId rule = pending.back();
    pending.pop_back();
    if (flags[rule] != 0 || !holds(grammar_.body(rule), flags, empty_alone)) continue;
    flags[rule] = 1;
    pending.insert(pending.end(), mentioned_by[rule].begin(), mentioned_by[rule].end());
  }
  return flags;
}

void GrammarFacts::add_rules(ExprId id, std::vector<RuleId>& rules) const {
  const Expr& expr = grammar_.expr(id);
  if (expr.kind == ExprKind::kRule) {
    rules.push_back(expr.first);
  } else if (expr.kind == ExprKind::kRepeat) {
    add_rules(expr.first, rules);
  } else if (expr.kind == ExprKind::kSequence || expr.kind == ExprKind::kChoice) {
    for (const ExprId part : grammar_.parts(expr)) add_rules(part, rules);
  }
}

void GrammarFacts::add_first_rules(ExprId id, std::vector<RuleId>& rules) const {
  const Expr& expr = grammar_.expr(id);
  if (expr.kind == ExprKind::kRule) {
    if (matches_some(id)) rules.push_back(expr.first);
  } else if (expr.kind == ExprKind::kRepeat) {
    add_first_rules(expr.first, rules);
  } else if (expr.kind == ExprKind::kChoice) {
    for (const ExprId part : grammar_.parts(expr)) add_first_rules(part, rules);
  } else if (expr.kind == ExprKind::kSequence && matches_some(id)) {
    for (const ExprId part : grammar_.parts(expr)) {
      add_first_rules(part, rules);
      if (!may_be_empty(part)) break;
    }
  }
}

std::optional<RuleId> GrammarFacts::left_recursion(RuleId root) const {
  struct Visit {
    RuleId rule;
    std::vector<RuleId> next;
  };
  enum : uint8_t { kNew, kOnPath, kDone };
  std::vector<uint8_t> state(grammar_.rule_count(), kNew);
  const auto visit_of = [&](RuleId rule) {
    Visit visit{rule, {}};
    add_first_rules(grammar_.body(rule), visit.next);
    state[rule] = kOnPath;
    return visit;
  };
  const auto search_from = [&](RuleId from) -> std::optional<RuleId> {
    std::vector<Visit> path;
    path.push_back(visit_of(from));
    while (!path.empty()) {
      Visit& top = path.back();
      if (top.next.empty()) {
        state[top.rule] = kDone;
        path.pop_back();
        continue;
      }
      const RuleId next = top.next.back();
      top.next.pop_back();
      if (state[next] == kOnPath) return next;
      if (state[next] == kNew) path.push_back(visit_of(next));
    }
    return std::nullopt;
  };
  // Left edges alone do not reach every rule; those that nothing reaches do no harm but are refused too.
  if (auto found = search_from(root)) return found;
  for (RuleId rule = 0; rule < grammar_.rule_count(); ++rule) {
    if (state[rule] != kNew) continue;
    if (auto found = search_from(rule)) return found;
  }
  return std::nullopt;
}

}  // namespace studio::engine::constrain
