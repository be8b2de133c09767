// Python's two ways to format: "%s" % value and "{}".format(value).
//
// The bytes of the format keep their origin, and so do strings put in; digits and padding count as the caller's.
#pragma once

#include <string_view>

#include "engine/templates/value.h"

namespace studio::engine::jinja {

struct Arguments;

// format % value; a tuple gives one value to each conversion, a dict the named ones.
Text format_percent(Budget& budget, const Text& format, const Value& value);

// format.format(arguments...). Fields may look into values by .name and [key].
Text format_braces(Budget& budget, const Text& format, const Arguments& arguments);

}  // namespace studio::engine::jinja
