// Expressions of the interpreter.
#include <algorithm>

#include "engine/templates/filters.h"
#include "engine/templates/interpreter.h"
#include "engine/templates/methods.h"

namespace studio::engine::jinja {

Value Interpreter::evaluate(const Expr& expr) {
  auto level = enter();
  budget_.step();
  switch (expr.kind) {
    case Expr::Kind::kConstant:
      return static_cast<const ConstantExpr&>(expr).value;
    case Expr::Kind::kName:
      return evaluate_name(static_cast<const NameExpr&>(expr));
    case Expr::Kind::kSequence:
      return evaluate_sequence(static_cast<const SequenceExpr&>(expr));
    case Expr::Kind::kDict:
      return evaluate_dict(static_cast<const DictExpr&>(expr));
    case Expr::Kind::kUnary:
      return evaluate_unary(static_cast<const UnaryExpr&>(expr));
    case Expr::Kind::kBinary:
      return evaluate_binary(static_cast<const BinaryExpr&>(expr));
    case Expr::Kind::kConcat:
      return evaluate_concat(static_cast<const ConcatExpr&>(expr));
    case Expr::Kind::kCompare:
      return evaluate_compare(static_cast<const CompareExpr&>(expr));
    case Expr::Kind::kLogic:
      return evaluate_logic(static_cast<const LogicExpr&>(expr));
    case Expr::Kind::kConditional:
      return evaluate_conditional(static_cast<const ConditionalExpr&>(expr));
    case Expr::Kind::kPostfix:
      return evaluate_postfix(static_cast<const PostfixExpr&>(expr));
  }
  return None{};
}

Value Interpreter::evaluate_name(const NameExpr& expr) {
  for (const Scope* scope = scope_.get(); scope; scope = scope->parent.get()) {
    if (const Value* value = scope->find(expr.symbol)) return *value;
  }
  if (const auto& global = globals_[expr.symbol]) return *global;
  return Value::undefined("'" + program_.names[expr.symbol].substr(0, 64) + "' is undefined");
}

Value Interpreter::evaluate_sequence(const SequenceExpr& expr) {
  std::vector<Value> items;
  items.reserve(expr.items.size());
  for (const auto& item : expr.items) items.push_back(evaluate(*item));
  return make_list(budget_, std::move(items), expr.is_tuple ? List::Type::kTuple : List::Type::kList);
}

Value Interpreter::evaluate_dict(const DictExpr& expr) {
  std::vector<std::pair<Value, Value>> entries;
  entries.reserve(expr.entries.size());
  for (const auto& [key, value] : expr.entries) {
    Value name = evaluate(*key);
    entries.emplace_back(std::move(name), evaluate(*value));
  }
  return make_dict(budget_, std::move(entries));
}

Value Interpreter::evaluate_unary(const UnaryExpr& expr) {
  Value operand = evaluate(*expr.operand);
  line_ = expr.line;
  if (expr.op == UnaryOp::kNot) return Value::boolean(!truthy(operand));
  return expr.op == UnaryOp::kNegative ? negative(operand) : positive(operand);
}

Value Interpreter::evaluate_binary(const BinaryExpr& expr) {
  Value left = evaluate(*expr.first);
  for (const auto& [op, operand] : expr.rest) {
    Value right = evaluate(*operand);
    line_ = operand->line;
    left = binary(budget_, op, left, right);
  }
  return left;
}

Value Interpreter::evaluate_concat(const ConcatExpr& expr) {
  std::vector<Value> parts;
  parts.reserve(expr.parts.size());
  for (const auto& part : expr.parts) parts.push_back(evaluate(*part));
  return concatenate(budget_, parts);
}

Value Interpreter::evaluate_compare(const CompareExpr& expr) {
  Value left = evaluate(*expr.first);
  for (const auto& [op, operand] : expr.rest) {
    Value right = evaluate(*operand);
    line_ = operand->line;
    if (!compare(budget_, op, left, right)) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Interpreter::evaluate_logic(const LogicExpr& expr) {
  Value value;
  for (const auto& part : expr.parts) {
    value = evaluate(*part);
    if (truthy(value) == expr.is_or) break;
  }
  return value;
}

Value Interpreter::evaluate_conditional(const ConditionalExpr& expr) {
  for (const auto& [value, condition] : expr.branches) {
    if (truthy(evaluate(*condition))) return evaluate(*value);
  }
  if (expr.otherwise) return evaluate(*expr.otherwise);
  return Value::undefined("the inline if-expression evaluated to false and no else section was defined");
}

Value Interpreter::evaluate_postfix(const PostfixExpr& expr) {
  Value value = evaluate(*expr.base);
  for (const Suffix& suffix : expr.suffixes) value = apply(suffix, value);
  return value;
}

Value Interpreter::apply(const Suffix& suffix, const Value& value) {
  budget_.step();
  switch (suffix.kind) {
    case Suffix::Kind::kAttribute:
      line_ = suffix.line;
      return get_attribute(value, suffix);
    case Suffix::Kind::kItem: {
      Value key = evaluate(*suffix.item);
      line_ = suffix.line;
      return get_element(value, key);
    }
    case Suffix::Kind::kSlice:
      return apply_slice(suffix, value);
    case Suffix::Kind::kCall: {
      Arguments arguments = evaluate_arguments(suffix.arguments);
      line_ = suffix.line;
      return call(value, arguments);
    }
    case Suffix::Kind::kFilter: {
      Arguments arguments = evaluate_arguments(suffix.arguments);
      line_ = suffix.line;
      return apply_filter(budget_, suffix.name, value, arguments);
    }
    case Suffix::Kind::kTest:
    case Suffix::Kind::kNotTest: {
      Arguments arguments = evaluate_arguments(suffix.arguments);
      line_ = suffix.line;
      bool passes = apply_test(budget_, suffix.name, value, arguments);
      return Value::boolean(passes == (suffix.kind == Suffix::Kind::kTest));
    }
  }
  return None{};
}

Value Interpreter::apply_slice(const Suffix& suffix, const Value& value) {
  auto bound = [&](const ExprPtr& expr) -> std::optional<Int> {
    if (!expr) return std::nullopt;
    Value index = evaluate(*expr);
    if (index.is(Kind::kNone)) return std::nullopt;
    if (!index.is_integer()) fail("slice indices must be integers or None");
    return index.as_integer();
  };
  Slice slice;
  slice.start = bound(suffix.start);
  slice.stop = bound(suffix.stop);
  slice.step = bound(suffix.step);
  line_ = suffix.line;
  return get_slice(budget_, value, slice);
}

Arguments Interpreter::evaluate_arguments(const CallArguments& arguments) {
  Arguments result;
  result.positional.reserve(arguments.positional.size());
  for (const auto& argument : arguments.positional) result.positional.push_back(evaluate(*argument));
  if (arguments.more_positional) {
    Value more = evaluate(*arguments.more_positional);
    if (more.is(Kind::kUndefined)) fail_undefined(more);
    for (Value& item : iterate(budget_, more)) result.positional.push_back(std::move(item));
  }
  for (const auto& [name, argument] : arguments.keyword) result.keyword.emplace_back(name, evaluate(*argument));
  if (!arguments.more_keyword) return result;
  Value more = evaluate(*arguments.more_keyword);
  if (!more.is(Kind::kDict)) fail("the argument after ** must be a mapping");
  size_t total = more.as_dict()->entries.size() + result.keyword.size();
  budget_.step(total * total);
  for (const auto& [name, value] : more.as_dict()->entries) {
    if (!name.is(Kind::kString)) fail("keywords must be strings");
    bool is_twice = std::any_of(result.keyword.begin(), result.keyword.end(),
                                [&](const auto& argument) { return argument.first == name.view(); });
    if (is_twice) fail("a keyword argument is given twice");
    result.keyword.emplace_back(name.view(), value);
  }
  return result;
}

Value Interpreter::get_attribute(const Value& value, const Suffix& suffix) {
  if (value.is(Kind::kDict)) {  // a method hides a key of its name, as in Python
    if (auto method = find_method(value, suffix.name)) return *std::move(method);
    if (const Value* found = value.as_dict()->find(std::string_view(suffix.name))) return *found;
  }
  return get_element(value, suffix.key);
}

Value Interpreter::get_element(const Value& value, const Value& key) {
  if (key.is(Kind::kString) && value.is(Kind::kLoop)) return loop_attribute(value.as_loop(), key.view());
  if (key.is(Kind::kString) && value.is(Kind::kNamespace)) {
    if (const Value* found = value.as_namespace()->find(key.view())) return *found;
  }
  return get_item(budget_, value, key);
}

Value Interpreter::loop_attribute(const std::shared_ptr<Loop>& holder, std::string_view name) {
  Loop& loop = *holder;
  auto length = [&] {
    if (!loop.length) {
      size_t before = loop.index0 + 1;
      if (!loop.statement->condition) {
        loop.length = loop.source.size();
      } else {
        std::deque<Value> rest;
        while (auto item = next_item(loop)) rest.push_back(*std::move(item));
        loop.ahead = std::move(rest);
        loop.length = before + loop.ahead.size();
      }
    }
    return *loop.length;
  };
  if (name == "index") return Value::integer(loop.index0 + 1);
  if (name == "index0") return Value::integer(loop.index0);
  if (name == "first") return Value::boolean(loop.index0 == 0);
  if (name == "last") return Value::boolean(!look_ahead(loop));
  if (name == "length") return Value::integer(length());
  if (name == "revindex") return Value::integer(length() - loop.index0);
  if (name == "revindex0") return Value::integer(length() - loop.index0 - 1);
  if (name == "previtem") return loop.previous ? *loop.previous : Value::undefined("there is no previous item");
  if (name == "nextitem") return look_ahead(loop) ? loop.ahead.front() : Value::undefined("there is no next item");
  if (name == "depth") return Int{1};  // counts recursion, which the subset lacks
  if (name == "depth0") return Int{0};
  if (name == "cycle" || name == "changed") {
    return std::make_shared<const Method>(Method{Value(holder), name == "cycle" ? "cycle" : "changed"});
  }
  return Value::undefined("'loop' has no attribute '" + std::string(name.substr(0, 64)) + "'");
}

}  // namespace studio::engine::jinja
