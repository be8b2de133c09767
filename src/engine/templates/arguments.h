// The arguments of a call, and their binding to the parameters of a filter, test, method or function.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/templates/operators.h"
#include "engine/templates/value.h"

namespace studio::engine::jinja {

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> keyword;
};

// Arguments by parameter. Fails on too many, on unknown names, on one given twice, on a required one left out.
template <size_t N>
class Bound {
 public:
  // The first `required` of names must be given.
  Bound(std::string_view callee, const Arguments& arguments, const std::array<std::string_view, N>& names,
        size_t required)
      : callee_(callee), names_(names) {
    if (arguments.positional.size() > N)
      fail(std::string(callee) + "() takes at most " + std::to_string(N) + " arguments");
    for (size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
    for (const auto& [name, value] : arguments.keyword) {
      size_t i = 0;
      while (i < N && names[i] != name) ++i;
      if (i == N) fail(std::string(callee) + "() got an unexpected argument '" + std::string(name) + "'");
      if (values_[i]) fail(std::string(callee) + "() got argument '" + std::string(name) + "' twice");
      values_[i] = &value;
    }
    for (size_t i = 0; i < required; ++i) {
      if (!values_[i]) fail(std::string(callee) + "() misses argument '" + std::string(names[i]) + "'");
    }
  }

  bool has(size_t i) const { return values_[i] != nullptr; }
  bool has_not_none(size_t i) const { return values_[i] && !values_[i]->is(Kind::kNone); }
  const Value& at(size_t i) const { return *values_[i]; }  // has(i)
  Value get(size_t i, Value otherwise) const { return values_[i] ? *values_[i] : std::move(otherwise); }

  bool get_bool(size_t i, bool otherwise) const { return values_[i] ? truthy(*values_[i]) : otherwise; }
  Int get_integer(size_t i, Int otherwise) const {
    if (!values_[i]) return otherwise;
    if (!values_[i]->is_integer()) fail_type(i, "an integer");
    return values_[i]->as_integer();
  }
  const Text& get_text(size_t i) const {
    if (!values_[i]->is(Kind::kString)) fail_type(i, "a string");
    return values_[i]->text();
  }

 private:
  [[noreturn]] void fail_type(size_t i, const char* wanted) const {
    if (values_[i]->is(Kind::kUndefined)) fail_undefined(*values_[i]);
    fail(std::string(callee_) + "(): argument '" + std::string(names_[i]) + "' must be " + wanted + ", not " +
         std::string(type_name(*values_[i])));
  }

  std::string_view callee_;
  std::array<std::string_view, N> names_;
  std::array<const Value*, N> values_{};
};

}  // namespace studio::engine::jinja
