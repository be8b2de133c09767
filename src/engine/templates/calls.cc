// Calls: macros, methods and the few functions that templates are given.
#include <locale.h>
#include <algorithm>
#include <ctime>

#include "engine/templates/interpreter.h"
#include "engine/templates/methods.h"
#include "engine/templates/print.h"

namespace studio::engine::jinja {
namespace {

constexpr size_t kMaxRange = 100'000;  // the sandbox of Jinja has the same
constexpr size_t kMaxTimeFormat = 256;

// dict(mapping or pairs, name=value...), which namespace() takes, too.
std::vector<std::pair<Value, Value>> dict_entries(Budget& budget, std::string_view callee, const Arguments& arguments) {
  std::vector<std::pair<Value, Value>> entries;
  if (arguments.positional.size() > 1) fail(std::string(callee) + "() takes at most one positional argument");
  for (const Value& argument : arguments.positional) {
    if (argument.is(Kind::kDict)) {
      entries = argument.as_dict()->entries;
      continue;
    }
    for (const Value& pair : iterate(budget, argument)) {
      std::vector<Value> items = iterate(budget, pair);
      if (items.size() != 2) fail(std::string(callee) + "() takes a mapping or pairs");
      entries.emplace_back(std::move(items[0]), std::move(items[1]));
    }
  }
  for (const auto& [name, value] : arguments.keyword) {
    entries.emplace_back(make_data(name), value);  // after ** it may come from the caller
  }
  return entries;
}

}  // namespace

Value Interpreter::call(const Value& callee, const Arguments& arguments) {
  switch (callee.kind()) {
    case Kind::kUndefined:
      fail_undefined(callee);
    case Kind::kMacro:
      return call_macro(*callee.as_macro(), arguments);
    case Kind::kBuiltin:
      return call_builtin(callee.as_builtin(), arguments);
    case Kind::kMethod:
      if (callee.as_method().self.is(Kind::kLoop)) return call_loop_method(callee.as_method(), arguments);
      return call_method(budget_, callee.as_method(), arguments);
    case Kind::kLoop:
      fail_unimplemented("recursive loops");
    default:
      fail("'" + std::string(type_name(callee)) + "' object is not callable");
  }
}

Value Interpreter::call_macro(const MacroValue& macro, const Arguments& arguments) {
  Budget::Level recursion(macro_depth_, kMaxMacroDepth, "macro calls");
  int line = line_;
  // Two levels: the macro's parameters are the outer one of its body.
  auto caller_scope = std::exchange(scope_, std::make_shared<Scope>(Scope{macro.scope, {}}));
  TextBuilder inside;
  TextBuilder* outside = std::exchange(out_, &inside);
  bind_parameters(*macro.statement, arguments);
  execute(macro.statement->body);
  out_ = outside;
  scope_ = std::move(caller_scope);
  line_ = line;
  budget_.make_string(inside.size());
  return inside.take();
}

void Interpreter::bind_parameters(const MacroStatement& macro, const Arguments& arguments) {
  for (size_t i = 0; i < macro.parameters.size(); ++i) {
    const auto& parameter = macro.parameters[i];
    const std::string& name = program_.names[parameter.symbol];
    auto named = std::find_if(arguments.keyword.begin(), arguments.keyword.end(),
                              [&](const auto& argument) { return argument.first == name; });
    if (i < arguments.positional.size()) {
      scope_->set(parameter.symbol, arguments.positional[i]);
    } else if (named != arguments.keyword.end()) {
      scope_->set(parameter.symbol, named->second);
    } else if (parameter.otherwise) {
      scope_->set(parameter.symbol, evaluate(*parameter.otherwise));
    } else {
      scope_->set(parameter.symbol, Value::undefined("parameter '" + name.substr(0, 64) + "' was not provided"));
    }
  }
  bind_rest(macro, arguments);
}

// What no parameter takes: into varargs and kwargs if the body reads them, else a mistake of the template.
void Interpreter::bind_rest(const MacroStatement& macro, const Arguments& arguments) {
  const auto& parameters = macro.parameters;
  std::vector<Value> varargs;
  for (size_t i = parameters.size(); i < arguments.positional.size(); ++i) varargs.push_back(arguments.positional[i]);
  if (!varargs.empty() && !macro.reads_varargs) {
    fail("the macro takes not more than " + std::to_string(parameters.size()) + " argument(s)");
  }
  std::vector<std::pair<Value, Value>> kwargs;
  bool has_caller = false;
  for (const auto& [name, value] : arguments.keyword) {
    size_t i = 0;
    while (i < parameters.size() && program_.names[parameters[i].symbol] != name) ++i;
    bool is_taken = i < parameters.size() && i >= arguments.positional.size();
    if (is_taken) continue;
    if (name == "caller" && macro.reads_caller) {
      scope_->set(program_.known.caller, value);
      has_caller = true;
    } else if (macro.reads_kwargs) {
      kwargs.emplace_back(make_data(name), value);  // after ** it may come from the caller
    } else {
      fail("the macro takes no keyword argument '" + std::string(name.substr(0, 64)) + "'");
    }
  }
  if (macro.reads_caller && !has_caller) scope_->set(program_.known.caller, Value::undefined("no caller defined"));
  if (macro.reads_varargs) {
    scope_->set(program_.known.varargs, make_list(budget_, std::move(varargs), List::Type::kTuple));
  }
  if (macro.reads_kwargs) scope_->set(program_.known.kwargs, make_dict(budget_, std::move(kwargs)));
}

Value Interpreter::call_builtin(Builtin builtin, const Arguments& arguments) {
  switch (builtin) {
    case Builtin::kRange:
      return call_range(arguments);
    case Builtin::kDict:
      return make_dict(budget_, dict_entries(budget_, "dict", arguments));
    case Builtin::kNamespace: {
      auto space = std::make_shared<Namespace>();
      for (auto& [name, value] : dict_entries(budget_, "namespace", arguments)) {
        if (!name.is(Kind::kString)) fail("the names of a namespace are strings");
        budget_.step(1 + space->attributes.size());
        space->set(name.view(), std::move(value));
      }
      return space;
    }
    case Builtin::kRaiseException: {
      Bound<1> bound("raise_exception", arguments, {"message"}, 1);
      std::string words(to_text(budget_, bound.at(0)).view());
      throw Failure{.message = std::move(words), .line = line_, .is_words_of_template = true};
    }
    case Builtin::kStrftimeNow:
      return format_time(arguments);
  }
  return None{};
}

Value Interpreter::call_range(const Arguments& arguments) {
  Bound<3> bound("range", arguments, {"start", "stop", "step"}, 1);
  Int start = bound.has(1) ? bound.get_integer(0, 0) : 0;
  Int stop = bound.get_integer(bound.has(1) ? 1 : 0, 0);
  Int step = bound.get_integer(2, 1);
  if (step == 0) fail("range() step must not be zero");
  Int distance = step > 0 ? stop - start : start - stop, stride = step > 0 ? step : -step;
  Int count = distance <= 0 ? 0 : (distance + stride - 1) / stride;
  if (count > static_cast<Int>(kMaxRange)) fail("range() of more than " + std::to_string(kMaxRange) + " items");
  budget_.make_items(static_cast<size_t>(count));
  std::vector<Value> items;
  for (Int i = 0; i < count; ++i) items.emplace_back(start + i * step);
  return make_list(budget_, std::move(items), List::Type::kRange);
}

Value Interpreter::call_loop_method(const Method& method, const Arguments& arguments) {
  Loop& loop = *method.self.as_loop();
  if (!arguments.keyword.empty()) fail("the method takes no keyword arguments");
  if (method.name == "cycle") {
    if (arguments.positional.empty()) fail("no items for cycling given");
    return arguments.positional[loop.index0 % arguments.positional.size()];
  }
  bool is_same = loop.last_changed && loop.last_changed->size() == arguments.positional.size();
  for (size_t i = 0; is_same && i < arguments.positional.size(); ++i) {
    is_same = equal(budget_, (*loop.last_changed)[i], arguments.positional[i]);
  }
  for (const Value& value : arguments.positional) {
    if (!value.is_storable()) fail("loop.changed() compares data only");
  }
  if (!is_same) loop.last_changed = arguments.positional;
  return Value::boolean(!is_same);
}

Value Interpreter::format_time(const Arguments& arguments) {
  static const locale_t kPlain = newlocale(LC_ALL_MASK, "C", nullptr);
  Bound<1> bound("strftime_now", arguments, {"format"}, 1);
  std::string format(bound.get_text(0).view());
  if (format.size() > kMaxTimeFormat) fail("the format of strftime_now() is too long");
  std::time_t seconds = std::chrono::system_clock::to_time_t(options_.now);
  std::tm fields{};
  if (!gmtime_r(&seconds, &fields)) fail("the time is out of range");
  char buffer[16 * kMaxTimeFormat];  // a conversion of two characters may become 30
  size_t size = strftime_l(buffer, sizeof buffer, format.c_str(), &fields, kPlain);
  return make_data(std::string(buffer, size));
}

}  // namespace studio::engine::jinja
