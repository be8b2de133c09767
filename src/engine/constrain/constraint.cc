#include "engine/constrain/constraint.h"

#include <utility>

#include "base/json.h"
#include "engine/constrain/automaton.h"
#include "engine/constrain/ebnf.h"
#include "engine/constrain/matcher.h"
#include "engine/constrain/regex.h"
#include "engine/constrain/schema.h"

namespace studio::engine::constrain {
namespace {

// Texts of choices together. A list of every model, country or class fits many times.
constexpr size_t kMaxChoiceBytes = 256u << 10;

}  // namespace

Constraint::Made Constraint::compiled(const Grammar& grammar, RuleId root) {
  STUDIO_TRY(auto program, Program::compile(grammar, root));
  const Automaton first(program, {.memory_bytes = kMaxTablesBytes, .work = kMaxTablesWork});
  if (first.start() == Automaton::kDead) {
    return Error(Code::kPayloadTooLarge, "too much may begin the answer: over " + std::to_string(kMaxTablesWork) +
                                             " ways are open before its first character");
  }
  return std::shared_ptr<const Constraint>(new Constraint(std::move(program)));
}

Constraint::Made Constraint::compiled_expr(Grammar& grammar, Result<ExprId> whole) {
  if (!whole.ok()) return std::move(whole).error();
  const RuleId root = grammar.add_rule();
  grammar.define(root, *whole);
  return compiled(grammar, root);
}

Constraint::Made Constraint::from_schema(const boost::json::value& schema, const SchemaOptions& options) {
  Grammar grammar;
  JsonParts parts(grammar, options.whitespace);
  STUDIO_TRY(const RuleId root, add_schema(grammar, parts, schema));
  auto made = compiled(grammar, root);
  if (made.ok()) return made;
  const Error why = made.error().code() == Code::kInvalidArgument ? nothing_left_of(schema) : made.error();
  return Error(why.code(), "#: " + why.message()).with_param("#");
}

Constraint::Made Constraint::from_schema_text(std::string_view schema, const SchemaOptions& options) {
  STUDIO_TRY(const boost::json::value value, parse_json(schema));
  return from_schema(value, options);
}

Constraint::Made Constraint::json_object(const SchemaOptions& options) {
  Grammar grammar;
  JsonParts parts(grammar, options.whitespace);
  return compiled_expr(grammar, parts.any_object());
}

Constraint::Made Constraint::from_regex(std::string_view pattern) {
  Grammar grammar;
  return compiled_expr(grammar, parse_regex(grammar, pattern, RegexMatch::kWhole));
}

Constraint::Made Constraint::from_choices(std::span<const std::string> choices) {
  STUDIO_CHECK_OK(check_choices(choices));
  Grammar grammar;
  return compiled_expr(grammar, grammar.literals({choices.begin(), choices.end()}));
}

Constraint::Made Constraint::from_gbnf(std::string_view text) {
  Grammar grammar;
  STUDIO_TRY(const RuleId root, add_gbnf(grammar, text));
  return compiled(grammar, root);
}

Constraint::Made Constraint::from_lark(std::string_view text) {
  Grammar grammar;
  STUDIO_TRY(const RuleId root, add_lark(grammar, text));
  return compiled(grammar, root);
}

Status check_choices(std::span<const std::string> choices) {
  if (choices.empty()) return Error(Code::kInvalidArgument, "there is no choice");
  size_t bytes = 0;
  for (const std::string& choice : choices) {
    bytes += choice.size();
    if (choice.empty()) return Error(Code::kInvalidArgument, "a choice is empty");
    if (bytes > kMaxChoiceBytes) {
      return Error(Code::kPayloadTooLarge,
                   "the choices are over " + std::to_string(kMaxChoiceBytes) + " bytes together");
    }
  }
  return Ok{};
}

}  // namespace studio::engine::constrain
