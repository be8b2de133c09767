// The methods of str, list, tuple and dict that templates may call: a fixed table, all of them without side effects.
#pragma once

#include <optional>
#include <string_view>

#include "engine/templates/arguments.h"
#include "engine/templates/value.h"

namespace studio::engine::jinja {

// value.name, bound; nothing where Python has no such method. Names that the subset lacks are there, too (as in Python,
// they hide a field of the same name), but fail when called; those that change their object are undefined, as in the
// sandbox.
std::optional<Value> find_method(const Value& value, std::string_view name);

Value call_method(Budget& budget, const Method& method, const Arguments& arguments);

}  // namespace studio::engine::jinja
