#include "engine/constrain/ebnf_reader.h"

#include <algorithm>

#include "engine/constrain/ebnf.h"

namespace studio::engine::constrain {
namespace {

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

Error EbnfReader::fault(std::string_view what) const {
  const auto line = 1 + std::ranges::count(text_.substr(0, at_), '\n');
  return Error(Code::kInvalidArgument, "grammar, line " + std::to_string(line) + ": " + std::string(what));
}

Error EbnfReader::refused(std::string_view what) const {
  return Error(Code::kUnimplemented, fault(what).message() + " cannot be enforced");
}

Status EbnfReader::check_size() const {
  if (text_.size() <= kMaxGrammarBytes) return Ok{};
  return Error(Code::kPayloadTooLarge, "the grammar is over " + std::to_string(kMaxGrammarBytes) + " bytes");
}

bool EbnfReader::take(std::string_view what) {
  if (!is_next(what)) return false;
  at_ += what.size();
  return true;
}

void EbnfReader::skip_space(std::string_view comment) {
  while (!at_end()) {
    if (is_next(comment)) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
      ++at_;
    } else {
      return;
    }
  }
}

std::string_view EbnfReader::take_name() {
  const size_t begin = at_;
  while (!at_end() && is_name_byte(text_[at_])) ++at_;
  return text_.substr(begin, at_ - begin);
}

std::optional<uint32_t> EbnfReader::take_number() {
  const size_t begin = at_;
  uint32_t value = 0;
  for (; !at_end() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
    value = std::min<uint32_t>(value * 10 + static_cast<uint32_t>(text_[at_] - '0'), 1'000'000);
  }
  return at_ > begin ? std::optional(value) : std::nullopt;
}

Result<char32_t> EbnfReader::take_escape() {
  const auto letter = next_code_point(text_, at_);
  if (!letter) return fault("a backslash at the end");
  const int digits = *letter == 'x' ? 2 : *letter == 'u' ? 4 : *letter == 'U' ? 8 : 0;
  if (digits == 0) {
    constexpr std::string_view kLetters = "nrtfv0", kMeant("\n\r\t\f\v\0", 6);
    const size_t known = *letter < 0x80 ? kLetters.find(static_cast<char>(*letter)) : std::string_view::npos;
    return known == std::string_view::npos ? *letter : static_cast<char32_t>(kMeant[known]);
  }
  uint64_t value = 0;
  for (int i = 0; i < digits; ++i, ++at_) {
    const char c = at_end() ? '\0' : text_[at_];
    const int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
    if (digit < 0) return fault("not a hexadecimal digit");
    value = value << 4 | static_cast<uint64_t>(digit);
  }
  if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return fault("no such character");
  return static_cast<char32_t>(value);
}

std::optional<std::pair<uint32_t, uint32_t>> EbnfReader::take_repeat_sign() {
  if (take("*")) return std::pair(0u, kNoLimit);
  if (take("+")) return std::pair(1u, kNoLimit);
  if (take("?")) return std::pair(0u, 1u);
  return std::nullopt;
}

RuleId EbnfReader::rule_named(std::string_view name) {
  const auto known = rules_.find(name);
  if (known != rules_.end()) return known->second.rule;
  const RuleId rule = grammar_.add_rule();
  rules_.emplace(name, Named{.rule = rule});
  return rule;
}

Status EbnfReader::define(std::string_view name, const std::vector<std::vector<ExprId>>& alternatives) {
  const RuleId rule = rule_named(name);
  Named& named = rules_.find(name)->second;
  if (named.is_defined) return fault("the rule " + std::string(name) + " is defined twice");
  named.is_defined = true;
  std::vector<ExprId> begins, goes_on;
  for (const auto& parts : alternatives) {
    const Expr first = parts.empty() ? Expr() : grammar_.expr(parts[0]);
    if (first.kind == ExprKind::kRule && first.first == rule) {
      const ExprId more = grammar_.sequence(std::span(parts).subspan(1));
      if (more != grammar_.empty()) goes_on.push_back(more);
    } else {
      begins.push_back(grammar_.sequence(parts));
    }
  }
  ExprId body = grammar_.choice(begins);
  if (!goes_on.empty()) body = grammar_.sequence({body, grammar_.repeat(grammar_.choice(goes_on), 0, kNoLimit)});
  grammar_.define(rule, body);
  return Ok{};
}

Result<RuleId> EbnfReader::finish(std::string_view root) const {
  for (const auto& [name, named] : rules_) {
    if (!named.is_defined) return Error(Code::kInvalidArgument, "grammar: the rule " + name + " is not defined");
  }
  const auto known = rules_.find(root);
  if (known == rules_.end()) return Error(Code::kInvalidArgument, "grammar: there is no rule " + std::string(root));
  return known->second.rule;
}

}  // namespace studio::engine::constrain
