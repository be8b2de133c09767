// A second opinion on JSON Schema for the tests: values against schemas, keyword by keyword, sharing nothing with what
// it judges. Patterns by PCRE2. Formats are not judged.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <cmath>

namespace studio::engine::constrain {

class SchemaOracle {
 public:
  using Value = boost::json::value;
  explicit SchemaOracle(const Value& root) : root_(root) {}

  bool is_valid(const Value& value) const { return holds(root_, value); }

  static bool matches(std::string_view pattern, std::string_view text) {
    int error = 0;
    size_t at = 0;
    pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                     PCRE2_UTF | PCRE2_DOLLAR_ENDONLY, &error, &at, nullptr);
    if (code == nullptr) return false;
    pcre2_match_data* data = pcre2_match_data_create_from_pattern(code, nullptr);
    const int found = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0, data, nullptr);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return found >= 0;
  }

 private:
  static bool has_type(const Value& value, std::string_view type) {
    if (type == "integer")
      return value.is_number() && std::floor(value.to_number<double>()) == value.to_number<double>();
    return (type == "null" && value.is_null()) || (type == "boolean" && value.is_bool()) ||
           (type == "number" && value.is_number()) || (type == "string" && value.is_string()) ||
           (type == "array" && value.is_array()) || (type == "object" && value.is_object());
  }

  bool holds(const Value& schema, const Value& value) const {
    if (schema.is_bool()) return schema.get_bool();
    const auto& object = schema.get_object();
    return std::ranges::all_of(object,
                               [&](const auto& entry) { return keyword(object, entry.key(), entry.value(), value); }) &&
           (!value.is_object() || members(object, value.get_object())) &&
           (!value.is_array() || items(object, value.get_array()));
  }

  bool keyword(const boost::json::object& schema, std::string_view key, const Value& says, const Value& value) const {
    const auto any = [&](const auto& test) { return std::ranges::any_of(says.get_array(), test); };
    const auto is_valid_by = [&](const Value& branch) { return holds(branch, value); };
    if (key == "type") {
      const auto* nullable = schema.if_contains("nullable");  // adds null to the type, as OpenAPI 3.0.3 has it
      if (nullable != nullptr && nullable->is_bool() && nullable->get_bool() && value.is_null()) return true;
      return says.is_array() ? any([&](const Value& t) { return has_type(value, t.get_string()); })
                             : has_type(value, says.get_string());
    }
    if (key == "enum") return any([&](const Value& one) { return one == value; });
    if (key == "const") return says == value;
    if (key == "$ref") return holds(root_.at_pointer(std::string_view(says.get_string()).substr(1)), value);
    if (key == "allOf") return std::ranges::all_of(says.get_array(), is_valid_by);
    if (key == "anyOf") return any(is_valid_by);
    if (key == "oneOf") return std::ranges::count_if(says.get_array(), is_valid_by) == 1;
    if (key == "not") return !is_valid_by(says);
    if (key == "if") {
      const auto* then = schema.if_contains(is_valid_by(says) ? "then" : "else");
      return then == nullptr || is_valid_by(*then);
    }
    if (value.is_number() && says.is_number())
      return number(schema, key, says.to_number<double>(), value.to_number<double>());
    if (value.is_string()) return string(key, says, value.get_string());
    if (value.is_array() && key == "minItems") return value.get_array().size() >= says.to_number<size_t>();
    if (value.is_array() && key == "maxItems") return value.get_array().size() <= says.to_number<size_t>();
    if (value.is_array() && key == "uniqueItems") return !says.get_bool() || are_different(value.get_array());
    if (value.is_array() && key == "contains") return contains(schema, says, value.get_array());
    if (!value.is_object()) return true;
    if (key.starts_with("depend")) return dependencies(says.get_object(), value);
    if (key == "propertyNames")
      return std::ranges::all_of(value.get_object(),
                                 [&](const auto& entry) { return holds(says, Value(entry.key())); });
    if (key == "minProperties") return value.get_object().size() >= says.to_number<size_t>();
    if (key == "maxProperties") return value.get_object().size() <= says.to_number<size_t>();
    if (key == "required")
      return std::ranges::all_of(says.get_array(),
                                 [&](const Value& name) { return value.get_object().contains(name.get_string()); });
    return true;
  }

  static bool number(const boost::json::object& schema, std::string_view key, double bound, double value) {
    const auto is_open = [&](std::string_view name) {
      const auto* flag = schema.if_contains(name);
      return flag != nullptr && flag->is_bool() && flag->get_bool();
    };
    if (key == "minimum") return is_open("exclusiveMinimum") ? value > bound : value >= bound;
    if (key == "maximum") return is_open("exclusiveMaximum") ? value < bound : value <= bound;
    if (key == "exclusiveMinimum") return value > bound;
    if (key == "exclusiveMaximum") return value < bound;
    // Of the number as it is written: hundredths are no doubles.
    if (key == "multipleOf")
      return std::fabs(value / bound - std::round(value / bound)) < 1e-9 * std::max(1.0, std::fabs(value / bound));
    return true;
  }

  static bool string(std::string_view key, const Value& says, std::string_view text) {
    const auto chars = static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
    if (key == "minLength") return chars >= says.to_number<size_t>();
    if (key == "maxLength") return chars <= says.to_number<size_t>();
    if (key == "pattern") return matches(says.get_string(), text);
    return true;
  }

  static bool are_different(const boost::json::array& items) {
    for (size_t i = 0; i < items.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (items[i] == items[j]) return false;
      }
    }
    return true;
  }

  bool contains(const boost::json::object& schema, const Value& says, const boost::json::array& items) const {
    const auto count = std::ranges::count_if(items, [&](const Value& item) { return holds(says, item); });
    const auto* least = schema.if_contains("minContains");
    const auto* most = schema.if_contains("maxContains");
    return count >= (least != nullptr ? least->to_number<int64_t>() : 1) &&
           (most == nullptr || count <= most->to_number<int64_t>());
  }

  bool dependencies(const boost::json::object& all, const Value& value) const {
    return std::ranges::all_of(all, [&](const auto& entry) {
      if (!value.get_object().contains(entry.key())) return true;
      if (!entry.value().is_array()) return holds(entry.value(), value);
      return std::ranges::all_of(entry.value().get_array(),
                                 [&](const Value& name) { return value.get_object().contains(name.get_string()); });
    });
  }

  bool members(const boost::json::object& schema, const boost::json::object& value) const {
    for (const auto& [name, member] : value) {
      bool is_known = false;
      if (const auto* all = schema.if_contains("properties")) {
        if (const auto* own = all->get_object().if_contains(name)) {
          is_known = true;
          if (!holds(*own, member)) return false;
        }
      }
      if (const auto* all = schema.if_contains("patternProperties")) {
        for (const auto& [pattern, own] : all->get_object()) {
          if (!matches(pattern, name)) continue;
          is_known = true;
          if (!holds(own, member)) return false;
        }
      }
      const auto* others = schema.if_contains("additionalProperties");
      if (!is_known && others != nullptr && !holds(*others, member)) return false;
    }
    return true;
  }

  bool items(const boost::json::object& schema, const boost::json::array& value) const {
    const Value* rest = schema.if_contains("items");
    const Value* first = schema.if_contains("prefixItems");
    if (rest != nullptr && rest->is_array()) {
      first = rest;
      rest = schema.if_contains("additionalItems");
    }
    const size_t listed = first != nullptr ? first->get_array().size() : 0;
    for (size_t i = 0; i < value.size(); ++i) {
      if (i < listed ? !holds(first->get_array()[i], value[i]) : rest != nullptr && !holds(*rest, value[i]))
        return false;
    }
    return true;
  }

  const Value& root_;
};

}  // namespace studio::engine::constrain
