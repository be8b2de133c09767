// Statements. Expressions are in expressions.cc, calls in calls.cc.
#include "engine/templates/interpreter.h"

#include <algorithm>
#include <boost/json/object.hpp>

#include "engine/templates/context.h"
#include "engine/templates/filters.h"
#include "engine/templates/print.h"

namespace studio::engine::jinja {

const Value* Scope::find(Symbol symbol) const {
  for (const auto& [name, value] : variables) {
    if (name == symbol) return &value;
  }
  return nullptr;
}

void Scope::set(Symbol symbol, Value value) {
  auto found = std::find_if(variables.begin(), variables.end(), [&](const auto& v) { return v.first == symbol; });
  if (found != variables.end()) {
    found->second = std::move(value);
  } else {
    variables.emplace_back(symbol, std::move(value));
  }
}

Interpreter::Interpreter(const Program& program, const RenderOptions& options)
    : program_(program), options_(options), budget_(options.limits), globals_(program.names.size()) {
  static constexpr std::pair<const char*, Builtin> kBuiltins[] = {
      {"range", Builtin::kRange},
      {"namespace", Builtin::kNamespace},
      {"dict", Builtin::kDict},
      {"raise_exception", Builtin::kRaiseException},
      {"strftime_now", Builtin::kStrftimeNow},
  };
  for (const auto& [name, builtin] : kBuiltins) {
    if (auto symbol = program_.symbols.find(name); symbol != program_.symbols.end()) globals_[symbol->second] = builtin;
  }
}

Interpreter::~Interpreter() {
  for (const auto& scope : captured_) scope->variables.clear();
}

void Interpreter::define(const boost::json::object& variables, Origin origin) {
  for (const auto& [name, value] : variables) {
    auto symbol = program_.symbols.find(std::string(name));
    if (symbol == program_.symbols.end()) continue;  // the template never reads it
    bool is_messages = name == "messages" && origin == Origin::kData;
    globals_[symbol->second] = is_messages ? import_messages(budget_, value) : import_json(budget_, value, origin);
  }
}

Text Interpreter::run() {
  try {
    TextBuilder out;
    out_ = &out;
    scope_ = std::make_shared<Scope>();
    execute(program_.body);
    return out.take();
  } catch (Failure& failure) {
    if (failure.line == 0) failure.line = line_;
    throw;
  }
}

void Interpreter::emit(const Text& text) {
  budget_.read(text.size());
  budget_.check_output(out_->size() + text.size());
  out_->append(text);
}

Interpreter::Flow Interpreter::execute(const Body& body) {
  for (const auto& statement : body) {
    if (Flow flow = execute(*statement); flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::execute(const Statement& statement) {
  auto level = enter();
  budget_.step();
  line_ = statement.line;
  switch (statement.kind) {
    case Statement::Kind::kText:
      emit(static_cast<const TextStatement&>(statement).text);
      break;
    case Statement::Kind::kPrint:
      emit(to_text(budget_, evaluate(*static_cast<const PrintStatement&>(statement).expr)));
      break;
    case Statement::Kind::kSet:
      execute_set(static_cast<const SetStatement&>(statement));
      break;
    case Statement::Kind::kSetBlock:
      execute_set_block(static_cast<const SetBlockStatement&>(statement));
      break;
    case Statement::Kind::kFor:
      return execute_for(static_cast<const ForStatement&>(statement));
    case Statement::Kind::kIf:
      return execute_if(static_cast<const IfStatement&>(statement));
    case Statement::Kind::kMacro:
      execute_macro(static_cast<const MacroStatement&>(statement));
      break;
    case Statement::Kind::kCallBlock:
      execute_call_block(static_cast<const CallBlockStatement&>(statement));
      break;
    case Statement::Kind::kFilterBlock:
      execute_filter_block(static_cast<const FilterBlockStatement&>(statement));
      break;
    case Statement::Kind::kWith:
      return execute_with(static_cast<const WithStatement&>(statement));
    case Statement::Kind::kBreak:
      return Flow::kBreak;
    case Statement::Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

void Interpreter::execute_set(const SetStatement& statement) {
  assign(statement.target, evaluate(*statement.value));
}

void Interpreter::execute_set_block(const SetBlockStatement& statement) {
  Value value = capture(statement.body);
  for (const Suffix& filter : statement.filters) value = apply(filter, value);
  assign(statement.target, value);
}

void Interpreter::execute_filter_block(const FilterBlockStatement& statement) {
  Value value = capture(statement.body);
  for (const Suffix& filter : statement.filters) value = apply(filter, value);
  emit(to_text(budget_, value));
}

Interpreter::Flow Interpreter::execute_if(const IfStatement& statement) {
  for (const auto& branch : statement.branches) {
    if (truthy(evaluate(*branch.condition))) return execute(branch.body);
  }
  return execute(statement.otherwise);
}

Interpreter::Flow Interpreter::execute_with(const WithStatement& statement) {
  auto inner = std::make_shared<Scope>(Scope{scope_, {}});
  std::vector<Value> values;  // evaluated before any of the names exists
  for (const auto& [target, expr] : statement.variables) values.push_back(evaluate(*expr));
  auto outer = std::exchange(scope_, std::move(inner));
  for (size_t i = 0; i < values.size(); ++i) assign(statement.variables[i].first, values[i]);
  Flow flow = execute(statement.body);
  scope_ = std::move(outer);
  return flow;
}

void Interpreter::execute_macro(const MacroStatement& statement) {
  captured_.push_back(scope_);
  scope_->set(statement.name, std::make_shared<MacroValue>(MacroValue{&statement, scope_}));
}

void Interpreter::execute_call_block(const CallBlockStatement& statement) {
  const PostfixExpr& expr = *statement.call;
  Value callee = evaluate(*expr.base);
  for (size_t i = 0; i + 1 < expr.suffixes.size(); ++i) callee = apply(expr.suffixes[i], callee);
  Arguments arguments = evaluate_arguments(expr.suffixes.back().arguments);
  captured_.push_back(scope_);
  arguments.keyword.emplace_back("caller", std::make_shared<MacroValue>(MacroValue{statement.block.get(), scope_}));
  emit(to_text(budget_, call(callee, arguments)));
}

Value Interpreter::capture(const Body& body) {
  TextBuilder inside;
  TextBuilder* outside = std::exchange(out_, &inside);
  auto outer = std::exchange(scope_, std::make_shared<Scope>(Scope{scope_, {}}));
  execute(body);
  scope_ = std::move(outer);
  out_ = outside;
  budget_.make_string(inside.size());
  return inside.take();
}

void Interpreter::assign(const Target& target, const Value& value) {
  if (!target.attribute.empty()) {
    const Value* holder = nullptr;
    for (Scope* scope = scope_.get(); scope && !holder; scope = scope->parent.get())
      holder = scope->find(target.symbol);
    if (!holder || !holder->is(Kind::kNamespace)) fail("cannot assign attribute on non-namespace object");
    holder->as_namespace()->set(target.attribute, value);
    return;
  }
  if (!target.is_tuple) return scope_->set(target.symbol, value);
  std::vector<Value> items = iterate(budget_, value);
  if (value.is(Kind::kUndefined)) fail_undefined(value);
  if (items.size() != target.items.size()) {
    fail("expected " + std::to_string(target.items.size()) + " values to unpack, got " + std::to_string(items.size()));
  }
  for (size_t i = 0; i < items.size(); ++i) assign(target.items[i], items[i]);
}

// ---- loops ----

bool Interpreter::passes(const Loop& loop, const Value& item) {
  if (!loop.statement->condition) return true;
  auto inner = std::make_shared<Scope>(Scope{loop.scope, {}});
  auto outer = std::exchange(scope_, std::move(inner));
  assign(loop.statement->target, item);
  bool result = truthy(evaluate(*loop.statement->condition));
  scope_ = std::move(outer);
  return result;
}

bool Interpreter::look_ahead(Loop& loop) {
  if (!loop.ahead.empty()) return true;
  if (auto item = next_item(loop)) loop.ahead.push_back(*std::move(item));
  return !loop.ahead.empty();
}

std::optional<Value> Interpreter::next_item(Loop& loop) {
  if (!loop.ahead.empty()) {
    Value item = std::move(loop.ahead.front());
    loop.ahead.pop_front();
    return item;
  }
  while (loop.cursor < loop.source.size()) {
    const Value& item = loop.source[loop.cursor++];
    budget_.step(2);  // a scope is made for it
    if (passes(loop, item)) return item;
  }
  return std::nullopt;
}

Interpreter::Flow Interpreter::execute_for(const ForStatement& statement) {
  auto loop = std::make_shared<Loop>();
  loop->statement = &statement;
  loop->scope = scope_;
  loop->source = iterate(budget_, evaluate(*statement.items));
  auto outer = scope_;
  bool ran = false, finished = false;
  while (auto item = next_item(*loop)) {
    loop->index0 += ran;
    ran = true;
    loop->previous = std::exchange(loop->current, *item);
    scope_ = std::make_shared<Scope>(Scope{outer, {}});
    scope_->set(program_.known.loop, loop);
    assign(statement.target, *item);
    Flow flow = execute(statement.body);
    scope_ = outer;
    if (flow == Flow::kBreak) break;
    finished |= flow == Flow::kNext;
  }
  // As in Jinja, `else` runs where no pass through the body reached its end.
  return finished ? Flow::kNext : execute(statement.otherwise);
}

}  // namespace studio::engine::jinja
