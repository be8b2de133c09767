// The filters and tests of the subset: `value | name(...)` and `value is name(...)`.
#pragma once

#include <string_view>

#include "engine/templates/arguments.h"
#include "engine/templates/value.h"

namespace studio::engine::jinja {

// Unimplemented where the subset lacks the name.
Value apply_filter(Budget& budget, std::string_view name, const Value& value, const Arguments& arguments);
bool apply_test(Budget& budget, std::string_view name, const Value& value, const Arguments& arguments);

bool has_filter(std::string_view name);
bool has_test(std::string_view name);

// What a filter sees of its application.
struct FilterCall {
  Budget& budget;
  std::string_view name;
  const Value& value;
  const Arguments& arguments;

  template <size_t N>
  Bound<N> bind(const std::array<std::string_view, N>& names, size_t required = 0) const {
    return Bound<N>(name, arguments, names, required);
  }
  void take_nothing() const { bind<0>({}); }
};

struct FilterEntry {
  std::string_view name;
  Value (*function)(const FilterCall&);
};
// The filters over lists and dicts, filters_of_lists.cc; filters.cc holds the others.
std::span<const FilterEntry> list_filters();

}  // namespace studio::engine::jinja
