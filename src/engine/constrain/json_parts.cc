#include "engine/constrain/json_parts.h"

#include <algorithm>

#include "engine/constrain/code_points.h"
#include "engine/constrain/dfa.h"

namespace studio::engine::constrain {
namespace {

constexpr uint32_t kMaxIndent = 20;  // ten levels of two blanks

ExprId digits(Grammar& grammar, uint32_t min, uint32_t max) {
  return grammar.repeat(grammar.bytes(byte_range('0', '9')), min, max);
}

ExprId as_rule(Grammar& grammar, ExprId body) {
  const RuleId rule = grammar.add_rule();
  grammar.define(rule, body);
  return grammar.rule(rule);
}

ExprId integer_of(Grammar& grammar) {
  return grammar.sequence({grammar.optional(grammar.literal("-")),
                           grammar.choice({grammar.literal("0"), grammar.sequence({
                                                                     grammar.bytes(byte_range('1', '9')),
                                                                     digits(grammar, 0, kMaxIntegerDigits - 1),
                                                                 })})});
}

ExprId number_of(Grammar& grammar, ExprId integer) {
  const ExprId fraction = grammar.sequence({grammar.literal("."), digits(grammar, 1, kMaxFractionDigits)});
  const ExprId exponent =
      grammar.sequence({grammar.bytes(bytes_of("eE")), grammar.optional(grammar.bytes(bytes_of("+-"))),
                        digits(grammar, 1, kMaxExponentDigits)});
  return grammar.sequence({integer, grammar.optional(fraction), grammar.optional(exponent)});
}

}  // namespace

JsonParts::JsonParts(Grammar& grammar, Whitespace whitespace) : grammar_(grammar), space_(grammar.empty()) {
  if (whitespace == Whitespace::kFlexible) {
    const ExprId indent = grammar.repeat(grammar.bytes(bytes_of(" \t")), 0, kMaxIndent);
    space_ = as_rule(grammar, grammar.choice({grammar.empty(), grammar.literal(" "),
                                              grammar.sequence({grammar.literal("\n"), indent})}));
  }
  character_ = string_character();
  any_string_ = as_rule(grammar, quoted(grammar.repeat(character_, 0, kNoLimit)));
  integer_ = as_rule(grammar, integer_of(grammar));
  number_ = as_rule(grammar, number_of(grammar, integer_of(grammar)));
  boolean_ = grammar.choice({grammar.literal("true"), grammar.literal("false")});
  null_ = grammar.literal("null");
}

ExprId JsonParts::string_character() {
  const ExprId hex = grammar_.bytes(bytes_of("0123456789abcdefABCDEF"));
  const ExprId octal = grammar_.bytes(byte_range('0', '7'));
  const ExprId d = grammar_.bytes(bytes_of("dD"));
  const ExprId no_surrogate = grammar_.choice({
      grammar_.sequence({grammar_.bytes(bytes_of("0123456789abcefABCEF")), hex, hex, hex}),
      grammar_.sequence({d, octal, hex, hex}),
  });
  const ExprId pair = grammar_.sequence({d, grammar_.bytes(bytes_of("89abAB")), hex, hex, grammar_.literal("\\u"), d,
                                         grammar_.bytes(bytes_of("cdefCDEF")), hex, hex});
  const ExprId unicode = grammar_.sequence({char_of('u'), grammar_.choice({no_surrogate, pair})});
  const ExprId escape =
      grammar_.sequence({char_of('\\'), grammar_.choice({grammar_.bytes(bytes_of("\"\\/bfnrt")), unicode})});
  return grammar_.choice({utf8_of(grammar_, {{0x20, 0x21}, {0x23, 0x5B}, {0x5D, 0x10FFFF}}), escape});
}

ExprId JsonParts::string(uint32_t min_chars, uint32_t max_chars) {
  if (min_chars == 0 && max_chars == kNoLimit) return any_string_;
  return quoted(grammar_.repeat(character_, min_chars, max_chars));
}

ExprId JsonParts::literal_string(std::string_view text) {
  return quoted(grammar_.literal(json_escaped(text)));
}

ExprId JsonParts::quoted(ExprId inside) {
  return grammar_.sequence({char_of('"'), inside, char_of('"')});
}

ExprId JsonParts::any_value() {
  if (!any_value_) {
    any_value_ = grammar_.add_rule();
    const ExprId values = list(grammar_.rule(*any_value_), 0, kNoLimit);
    grammar_.define(*any_value_, grammar_.choice({any_object(), array(values), any_string_, number_, boolean_, null_}));
  }
  return grammar_.rule(*any_value_);
}

ExprId JsonParts::any_object() {
  if (!any_object_) {
    any_object_ = grammar_.add_rule();
    grammar_.define(*any_object_, object(list(member(any_string_, any_value()), 0, kNoLimit)));
  }
  return grammar_.rule(*any_object_);
}

ExprId JsonParts::member(ExprId key, ExprId value) {
  return grammar_.sequence({key, char_of(':'), space_, value});
}

ExprId JsonParts::next(ExprId part) {
  return grammar_.sequence({char_of(','), space_, part});
}

ExprId JsonParts::object(ExprId inside) {
  return grammar_.sequence({char_of('{'), space_, inside, space_, char_of('}')});
}

ExprId JsonParts::array(ExprId inside) {
  return grammar_.sequence({char_of('['), space_, inside, space_, char_of(']')});
}

ExprId JsonParts::list(ExprId part, uint32_t min, uint32_t max) {
  if (max == 0) return min == 0 ? grammar_.empty() : grammar_.nothing();
  const uint32_t more = max == kNoLimit ? kNoLimit : max - 1;
  const ExprId filled = grammar_.sequence({part, grammar_.repeat(next(part), min == 0 ? 0 : min - 1, more)});
  return min == 0 ? grammar_.optional(filled) : filled;
}

}  // namespace studio::engine::constrain
