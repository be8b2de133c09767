#include "engine/constrain/spec.h"

#include <string>
#include <vector>

#include "base/json.h"
#include "engine/constrain/ebnf.h"
#include "engine/constrain/regex.h"
#include "engine/constrain/schema.h"
#include "engine/constrain/tool_grammar.h"

namespace studio::engine::constrain {
namespace {

namespace json = boost::json;

constexpr std::string_view kAfterLineEnds = "after_line_ends";
constexpr uint32_t kMostLineEnds = 2;

Error not_a_spec(const std::string& why) {
  return Error(Code::kInvalidArgument, "constraint: " + why).with_param("constraint");
}

Result<ExprId> add_choices(Grammar& grammar, const json::value& list) {
  if (!list.is_array()) return not_a_spec("choices must be an array");
  std::vector<std::string> texts;
  for (const json::value& one : list.get_array()) {
    if (!one.is_string()) return not_a_spec("a choice must be a string");
    texts.emplace_back(one.get_string());
  }
  STUDIO_CHECK_OK(check_choices(texts));
  return grammar.literals(std::move(texts));
}

Result<ExprId> rule_of(Grammar& grammar, Result<RuleId> rule) {
  if (!rule.ok()) return std::move(rule).error();
  return grammar.rule(*rule);
}

Result<ExprId> add_kind(Grammar& grammar, JsonParts& parts, std::string_view kind, const json::value& value);

Result<ExprId> add_tools_or_answer(Grammar& grammar, JsonParts& parts, const json::value& value) {
  if (!value.is_object()) return not_a_spec("tools must be an object");
  const json::value* answer = value.get_object().if_contains("answer");
  if (answer == nullptr) return add_tools(grammar, parts, value.get_object());
  if (!answer->is_object() || answer->get_object().size() != 1) return not_a_spec("answer must hold one kind");
  const auto& [kind, what] = *answer->get_object().begin();
  if (kind == "tools") return not_a_spec("answer must be of another kind than tools");
  json::object calls = value.get_object();
  calls["text"] = calls["plain"] = false;
  calls["least"] = 1;
  STUDIO_TRY(const ExprId called, add_tools(grammar, parts, calls));
  STUDIO_TRY(const ExprId said, add_kind(grammar, parts, kind, what));
  return grammar.choice({called, said});
}

Result<ExprId> add_kind(Grammar& grammar, JsonParts& parts, std::string_view kind, const json::value& value) {
  if (kind == "json_schema") return rule_of(grammar, add_schema(grammar, parts, value));
  if (kind == "json_object") return parts.any_object();
  if (kind == "choices") return add_choices(grammar, value);
  if (kind == "tools") return add_tools_or_answer(grammar, parts, value);
  if (kind != "regex" && kind != "gbnf" && kind != "lark")
    return not_a_spec("unknown kind '" + std::string(kind) + "'");
  if (!value.is_string()) return not_a_spec(std::string(kind) + " must be a string");
  const std::string_view text = value.get_string();
  if (kind == "regex") return parse_regex(grammar, text, RegexMatch::kWhole);
  return rule_of(grammar, kind == "gbnf" ? add_gbnf(grammar, text) : add_lark(grammar, text));
}

Result<ExprId> add_spec(Grammar& grammar, JsonParts& parts, const json::object& spec) {
  ExprId whole = grammar.empty();
  bool has_kind = false, may_begin_with_line_ends = false;
  for (const auto& [key, value] : spec) {
    if (key == kAfterLineEnds) {
      may_begin_with_line_ends = value.is_bool() && value.get_bool();
      continue;
    }
    if (has_kind) return not_a_spec("holds two kinds");
    has_kind = true;
    STUDIO_TRY(whole, add_kind(grammar, parts, key, value));
  }
  if (!has_kind) return not_a_spec("holds no kind");
  if (!may_begin_with_line_ends) return whole;
  return grammar.sequence({grammar.repeat(grammar.literal("\n"), 0, kMostLineEnds), whole});
}

}  // namespace

Constraint::Made compile_spec(std::string_view spec, size_t* work) {
  if (spec.size() > kMaxSpecBytes) {
    return Error(Code::kPayloadTooLarge, "the constraint is over " + std::to_string(kMaxSpecBytes) + " bytes");
  }
  STUDIO_TRY(const json::value document, parse_json(spec, {.depth = kMaxSpecDepth, .bytes = kMaxSpecBytes}));
  const json::object* object = document.if_object();
  if (object == nullptr) return not_a_spec("must be an object");
  Grammar grammar;
  JsonParts parts(grammar, Whitespace::kFlexible);
  const auto whole = add_spec(grammar, parts, *object);
  if (work != nullptr) *work = parts.schema_work();
  if (!whole.ok()) return whole.error();
  auto made = Constraint::from_expr(grammar, *whole);
  const json::value* schema = object->if_contains("json_schema");
  if (!made.ok() && made.error().code() == Code::kInvalidArgument && schema != nullptr) return nothing_left_of(*schema);
  return made;
}

}  // namespace studio::engine::constrain
