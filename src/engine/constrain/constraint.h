// What an answer's text must be, compiled: a JSON Schema, any JSON object, a pattern, a list of texts, or a grammar.
//
// Compiled once where the request arrives; immutable, so that threads and requests share it. Matchers (matcher.h) walk
// it. Compiling is bounded by the limits of grammar.h, dfa.h and schema.h: under 64 MB, whatever the input.
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/constrain/json_parts.h"
#include "engine/constrain/program.h"

namespace studio::engine::constrain {

struct SchemaOptions {
  Whitespace whitespace = Whitespace::kFlexible;
};

class Constraint {
 public:
  using Made = Result<std::shared_ptr<const Constraint>>;

  // Errors carry the JSON pointer of the keyword at fault as their param; see schema.h.
  static Made from_schema(const boost::json::value& schema, const SchemaOptions& options = {});
  // Errors besides: those of parse_json (base/json.h).
  static Made from_schema_text(std::string_view schema, const SchemaOptions& options = {});
  // Any object.
  static Made json_object(const SchemaOptions& options = {});
  // The whole text; see regex.h.
  static Made from_regex(std::string_view pattern);
  // invalid_argument for no choice at all, or an empty one.
  static Made from_choices(std::span<const std::string> choices);
  // See ebnf.h.
  static Made from_gbnf(std::string_view grammar);
  static Made from_lark(std::string_view grammar);

  // Of an expression that was built by hand.
  static Made from_expr(Grammar& grammar, ExprId whole) { return compiled_expr(grammar, whole); }

  const std::shared_ptr<const Program>& program() const { return program_; }

 private:
  explicit Constraint(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  static Made compiled(const Grammar& grammar, RuleId root);
  static Made compiled_expr(Grammar& grammar, Result<ExprId> whole);

  std::shared_ptr<const Program> program_;
};

// What from_choices() refuses.
Status check_choices(std::span<const std::string> choices);

}  // namespace studio::engine::constrain
