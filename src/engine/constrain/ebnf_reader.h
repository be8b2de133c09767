// What the readers of GBNF and Lark share: a place in the text, names, repeats, and rules that begin with themselves.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/constrain/code_points.h"
#include "engine/constrain/grammar.h"

namespace studio::engine::constrain {

class EbnfReader {
 protected:
  EbnfReader(Grammar& grammar, std::string_view text) : grammar_(grammar), text_(text) {}

  Error fault(std::string_view what) const;
  Error refused(std::string_view what) const;
  Status check_size() const;

  bool at_end() const { return at_ >= text_.size(); }
  bool is_next(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  bool take(std::string_view what);
  // Blanks, line ends and comments that begin so.
  void skip_space(std::string_view comment);
  std::string_view take_name();
  std::optional<uint32_t> take_number();
  // After a backslash: \n, \xHH, \uHHHH, \UHHHHHHHH, or the character itself.
  Result<char32_t> take_escape();
  // * + ? and nothing else.
  std::optional<std::pair<uint32_t, uint32_t>> take_repeat_sign();

  // A rule is named before it is known; all must be defined in the end.
  RuleId rule_named(std::string_view name);
  // One that begins with itself, A = A x | y, is y x*.
  Status define(std::string_view name, const std::vector<std::vector<ExprId>>& alternatives);
  Result<RuleId> finish(std::string_view root) const;

  Grammar& grammar_;
  std::string_view text_;
  size_t at_ = 0;

 private:
  struct Named {
    RuleId rule = 0;
    bool is_defined = false;
  };
  std::map<std::string, Named, std::less<>> rules_;
};

}  // namespace studio::engine::constrain
