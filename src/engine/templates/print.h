// Values as text: Python's str() and repr(), and json.dumps.
#pragma once

#include <optional>
#include <string>

#include "engine/templates/value.h"

namespace studio::engine::jinja {

std::string integer_to_string(Int value);
// Python's repr of a float: the shortest digits that read back as the same double.
std::string float_to_string(double value);

// str(value). A string stays the text it is; all else counts as the caller's.
Text to_text(Budget& budget, const Value& value);
std::string to_repr(Budget& budget, const Value& value);

// json.dumps(value, ensure_ascii=..., indent=..., separators=..., sort_keys=...).
struct JsonStyle {
  bool ascii_only = false;
  bool sort_keys = false;
  std::optional<std::string> indent;  // one level of it
  std::string between_items = ", ";
  std::string after_key = ": ";
};
std::string to_json_text(Budget& budget, const Value& value, const JsonStyle& style);

}  // namespace studio::engine::jinja
