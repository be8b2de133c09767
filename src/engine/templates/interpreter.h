// Runs a compiled template over a context.
//
// One Interpreter per rendering, on one thread. The tree is walked recursively; `depth_` counts the levels of
// statements, expressions and macro calls together and is capped, so a 128 KiB stack is enough.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/templates/arguments.h"
#include "engine/templates/ast.h"
#include "engine/templates/chat_template.h"

namespace studio::engine::jinja {

// Levels of evaluation, one inside another. The greediest kind, a macro call within a macro call's argument, takes 590
// bytes of stack a level (measured, clang 19 at -O2), so all of them fit into 104 KiB; templates in use reach about 40.
inline constexpr int kMaxEvalDepth = 176;

// The variables of one block, loop body or macro call.
struct Scope {
  std::shared_ptr<Scope> parent;  // null: the template's own variables
  std::vector<std::pair<Symbol, Value>> variables;

  const Value* find(Symbol symbol) const;
  void set(Symbol symbol, Value value);
};

struct MacroValue {
  const MacroStatement* statement;
  std::shared_ptr<Scope> scope;  // where it was defined
};

// The `loop` variable: a cursor over the items that pass the loop's condition. Items are tested when they are reached
// or looked ahead to, as in Jinja, since the body may change what the condition reads.
struct Loop {
  const ForStatement* statement;
  std::shared_ptr<Scope> scope;  // around the loop
  std::vector<Value> source;
  size_t cursor = 0;
  std::deque<Value> ahead;  // tested and waiting
  std::optional<Value> previous, current;
  size_t index0 = 0;
  std::optional<size_t> length;
  std::optional<std::vector<Value>> last_changed;  // arguments of loop.changed()
};

class Interpreter {
 public:
  Interpreter(const Program& program, const RenderOptions& options);
  ~Interpreter();

  // The variables that the template starts with; a later one of the same name wins. Strings have the given origin.
  void define(const boost::json::object& variables, Origin origin);

  // The whole output. Fails (Failure, with the line).
  Text run();

 private:
  enum class Flow : uint8_t { kNext, kBreak, kContinue };

  // statements (interpreter.cc)
  Flow execute(const Body& body);
  Flow execute(const Statement& statement);
  Flow execute_if(const IfStatement& statement);
  Flow execute_for(const ForStatement& statement);
  void execute_set(const SetStatement& statement);
  void execute_set_block(const SetBlockStatement& statement);
  void execute_macro(const MacroStatement& statement);
  void execute_call_block(const CallBlockStatement& statement);
  void execute_filter_block(const FilterBlockStatement& statement);
  Flow execute_with(const WithStatement& statement);
  void emit(const Text& text);
  void assign(const Target& target, const Value& value);
  Value capture(const Body& body);  // what it prints, in a scope of its own
  std::optional<Value> next_item(Loop& loop);
  bool look_ahead(Loop& loop);  // whether there is another
  bool passes(const Loop& loop, const Value& item);

  // expressions (expressions.cc)
  Value evaluate(const Expr& expr);
  Value evaluate_name(const NameExpr& expr);
  Value evaluate_sequence(const SequenceExpr& expr);
  Value evaluate_dict(const DictExpr& expr);
  Value evaluate_unary(const UnaryExpr& expr);
  Value evaluate_binary(const BinaryExpr& expr);
  Value evaluate_concat(const ConcatExpr& expr);
  Value evaluate_compare(const CompareExpr& expr);
  Value evaluate_logic(const LogicExpr& expr);
  Value evaluate_conditional(const ConditionalExpr& expr);
  Value evaluate_postfix(const PostfixExpr& expr);
  Value apply(const Suffix& suffix, const Value& value);
  Value apply_slice(const Suffix& suffix, const Value& value);
  Arguments evaluate_arguments(const CallArguments& arguments);
  Value get_attribute(const Value& value, const Suffix& suffix);
  Value get_element(const Value& value, const Value& key);
  Value loop_attribute(const std::shared_ptr<Loop>& holder, std::string_view name);

  // calls (calls.cc)
  Value call(const Value& callee, const Arguments& arguments);
  Value call_macro(const MacroValue& macro, const Arguments& arguments);
  void bind_parameters(const MacroStatement& macro, const Arguments& arguments);
  void bind_rest(const MacroStatement& macro, const Arguments& arguments);
  Value call_builtin(Builtin builtin, const Arguments& arguments);
  Value call_range(const Arguments& arguments);
  Value call_loop_method(const Method& method, const Arguments& arguments);
  Value format_time(const Arguments& arguments);

  Budget::Level enter() { return {depth_, kMaxEvalDepth, "calls and expressions"}; }

  const Program& program_;
  const RenderOptions& options_;
  Budget budget_;
  std::vector<std::optional<Value>> globals_;  // by Symbol
  std::shared_ptr<Scope> scope_;
  TextBuilder* out_ = nullptr;
  int line_ = 0;  // being run
  int depth_ = 0;
  int macro_depth_ = 0;
  // Scopes that macros hold, and which may hold the macros: emptied at the end, or they would keep each other alive.
  std::vector<std::shared_ptr<Scope>> captured_;
};

}  // namespace studio::engine::jinja
