#include "engine/constrain/grammar.h"

#include <algorithm>
#include <utility>

namespace studio::engine::constrain {
namespace {

constexpr uint32_t kMaxSize = 1u << 30;
// Texts that are each other's beginnings (a, aa, aaa) nest once each; past this they are listed without sharing.
constexpr int kMaxSharedBeginnings = 32;

size_t common_prefix(std::string_view a, std::string_view b, size_t from) {
  const size_t end = std::min(a.size(), b.size());
  while (from < end && a[from] == b[from]) ++from;
  return from;
}

}  // namespace

Grammar::Grammar() {
  exprs_.push_back({.kind = ExprKind::kNothing});
  exprs_.push_back({.kind = ExprKind::kEmpty});
}

ExprId Grammar::add(Expr expr) {
  if (exprs_.size() >= kMaxExprs || parts_.size() >= 2 * kMaxExprs) {
    is_too_large_ = true;
    return nothing();
  }
  exprs_.push_back(expr);
  const auto id = static_cast<ExprId>(exprs_.size() - 1);
  if (expr.depth < kMaxExprDepth) return id;
  const RuleId rule_id = add_rule();
  define(rule_id, id);
  return rule(rule_id);
}

ExprId Grammar::bytes(const ByteSet& set) {
  if (set.none()) return nothing();
  auto [entry, is_new] = by_set_.try_emplace(set, 0);
  if (is_new) {
    sets_.push_back(set);
    entry->second = add({.kind = ExprKind::kBytes, .first = static_cast<uint32_t>(sets_.size() - 1)});
  }
  return entry->second;
}

ExprId Grammar::literal(std::string_view text) {
  std::vector<ExprId> parts;
  parts.reserve(text.size());
  for (const char c : text) parts.push_back(bytes(ByteSet().set(static_cast<uint8_t>(c))));
  return sequence(parts);
}

ExprId Grammar::literals(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return literals_between(texts, 0, 0);
}

// Sorted texts that agree in their first `from` bytes: what may follow those.
ExprId Grammar::literals_between(std::span<const std::string> texts, size_t from, int level) {
  if (texts.empty()) return nothing();
  if (texts.size() == 1) return literal(std::string_view(texts[0]).substr(from));
  std::vector<ExprId> branches;
  const size_t common = common_prefix(texts.front(), texts.back(), from);
  const std::string_view shared = std::string_view(texts.back()).substr(from, common - from);
  if (level >= kMaxSharedBeginnings) {
    for (const std::string& text : texts) branches.push_back(literal(std::string_view(text).substr(common)));
  } else {
    if (texts.front().size() == common) {
      branches.push_back(empty());
      texts = texts.subspan(1);
    }
    while (!texts.empty()) {
      size_t count = 1;
      while (count < texts.size() && texts[count][common] == texts[0][common]) ++count;
      branches.push_back(literals_between(texts.first(count), common, level + 1));
      texts = texts.subspan(count);
    }
  }
  const ExprId rest = choice(branches);
  return sequence({literal(shared), rest});
}

ExprId Grammar::sequence(std::span<const ExprId> parts) {
  if (std::find(parts.begin(), parts.end(), nothing()) != parts.end()) return nothing();
  return join(ExprKind::kSequence, parts);
}

ExprId Grammar::choice(std::span<const ExprId> parts) {
  return join(ExprKind::kChoice, parts);
}

ExprId Grammar::join(ExprKind kind, std::span<const ExprId> parts) {
  const ExprId neutral = kind == ExprKind::kSequence ? empty() : nothing();
  Expr made{.kind = kind, .first = static_cast<uint32_t>(parts_.size())};
  std::vector<ExprId> kept;
  for (const ExprId part : parts) {
    if (part == neutral) continue;
    kept.push_back(part);
    made.depth = std::max(made.depth, exprs_[part].depth + 1);
    made.size = std::min(kMaxSize, made.size + exprs_[part].size);
  }
  if (kept.empty()) return neutral;
  if (kept.size() == 1) return kept[0];
  made.count = static_cast<uint32_t>(kept.size());
  if (parts_.size() + kept.size() > 2 * kMaxExprs) {
    is_too_large_ = true;
    return nothing();
  }
  parts_.insert(parts_.end(), kept.begin(), kept.end());
  return add(made);
}

ExprId Grammar::repeat(ExprId part, uint32_t min, uint32_t max) {
  if (max == 0 || part == empty()) return empty();
  if (part == nothing()) return min == 0 ? empty() : nothing();
  if (min == 1 && max == 1) return part;
  const Expr& inner = exprs_[part];
  return add({.kind = ExprKind::kRepeat,
              .first = part,
              .count = 1,
              .min = min,
              .max = max,
              .depth = inner.depth + 1,
              .size = inner.size + 1});
}

ExprId Grammar::rule(RuleId rule) {
  return add({.kind = ExprKind::kRule, .first = rule});
}

RuleId Grammar::add_rule() {
  rules_.push_back(nothing());
  return static_cast<RuleId>(rules_.size() - 1);
}

}  // namespace studio::engine::constrain
