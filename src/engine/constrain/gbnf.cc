// GBNF as llama.cpp reads it (grammars/README.md there). Recursive over parentheses, which kMaxGrammarNesting bounds.
#include "engine/constrain/ebnf.h"
#include "engine/constrain/ebnf_reader.h"

namespace studio::engine::constrain {
namespace {

constexpr std::string_view kComment = "#";

class Gbnf : EbnfReader {
 public:
  Gbnf(Grammar& grammar, std::string_view text) : EbnfReader(grammar, text) {}

  Result<RuleId> run() {
    STUDIO_CHECK_OK(check_size());
    skip_space(kComment);
    while (!at_end()) {
      const std::string_view name = take_name();
      skip_space(kComment);
      if (name.empty() || !take("::=")) return fault("a rule begins with its name and ::=");
      STUDIO_TRY(const auto alternatives, choice(0));
      STUDIO_CHECK_OK(define(name, alternatives));
      if (!at_end() && !is_rule_next()) return fault("unexpected " + std::string(1, text_[at_]));
    }
    return finish("root");
  }

 private:
  using Alternatives = std::vector<std::vector<ExprId>>;

  bool is_rule_next() {
    const size_t back = at_;
    const bool has_name = !take_name().empty();
    skip_space(kComment);
    const bool is_rule = has_name && is_next("::=");
    at_ = back;
    return is_rule;
  }

  Result<Alternatives> choice(int level) {
    if (level > kMaxGrammarNesting) return fault("nested too deep");
    Alternatives alternatives;
    do {
      std::vector<ExprId> parts;
      skip_space(kComment);
      while (!at_end() && !is_next("|") && !is_next(")") && !is_rule_next()) {
        STUDIO_TRY(const ExprId part, repeated(level));
        parts.push_back(part);
        skip_space(kComment);
      }
      alternatives.push_back(std::move(parts));
    } while (take("|"));
    return alternatives;
  }

  Result<ExprId> repeated(int level) {
    STUDIO_TRY(ExprId part, item(level));
    while (true) {
      if (const auto sign = take_repeat_sign()) {
        part = grammar_.repeat(part, sign->first, sign->second);
      } else if (take("{")) {
        STUDIO_TRY(part, counted(part));
      } else {
        return part;
      }
    }
  }

  Result<ExprId> counted(ExprId part) {
    skip_space(kComment);
    const auto min = take_number();
    if (!min) return fault("{ without a number");
    std::optional<uint32_t> max = min;
    skip_space(kComment);
    if (take(",")) {
      skip_space(kComment);
      max = take_number().value_or(kNoLimit);
      skip_space(kComment);
    }
    if (!take("}")) return fault("{ without }");
    if (*min > *max) return fault("a count whose least is above its most");
    return grammar_.repeat(part, *min, *max);
  }

  Result<ExprId> item(int level) {
    if (take("\"")) return literal();
    if (take("[")) return character_class();
    if (take(".")) return utf8_of(grammar_, CodePoints::all());
    if (take("(")) {
      STUDIO_TRY(const auto alternatives, choice(level + 1));
      if (!take(")")) return fault("( without )");
      std::vector<ExprId> branches;
      for (const auto& parts : alternatives) branches.push_back(grammar_.sequence(parts));
      return grammar_.choice(branches);
    }
    const std::string_view name = take_name();
    if (name.empty()) return fault("unexpected " + std::string(1, text_[at_]));
    return grammar_.rule(rule_named(name));
  }

  Result<char32_t> character() {
    if (take("\\")) return take_escape();
    const auto c = next_code_point(text_, at_);
    if (!c) return fault("not UTF-8, or the end");
    return *c;
  }

  Result<ExprId> literal() {
    std::string bytes;
    while (!take("\"")) {
      STUDIO_TRY(const char32_t c, character());
      append_code_point(bytes, c);
    }
    return grammar_.literal(bytes);
  }

  Result<ExprId> character_class() {
    const bool is_inverted = take("^");
    CodePoints set;
    while (!take("]")) {
      STUDIO_TRY(const char32_t first, character());
      char32_t last = first;
      if (is_next("-") && !is_next("-]")) {
        take("-");
        STUDIO_TRY(last, character());
      }
      if (first > last) return fault("a range that ends before it begins");
      set.add(first, last);
    }
    return utf8_of(grammar_, is_inverted ? set.inverted() : set);
  }
};

}  // namespace

Result<RuleId> add_gbnf(Grammar& grammar, std::string_view text) {
  return Gbnf(grammar, text).run();
}

}  // namespace studio::engine::constrain
