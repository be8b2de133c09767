// What each keyword says, added to the facts.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <utility>

#include "engine/constrain/formats.h"
#include "engine/constrain/schema.h"
#include "engine/constrain/schema_facts.h"

namespace studio::engine::constrain {
namespace {

namespace json = boost::json;

// What a draft defines and a constraint on the bytes so far cannot, or does not yet, hold to.
constexpr std::string_view kRefused[] = {
    "unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef", "extends", "disallow", "divisibleBy"};

// All that say something here; what is followed (anyOf, $ref, ...) and annotations are not among them.
constexpr std::string_view kKeywords[] = {"type",
                                          "enum",
                                          "const",
                                          "format",
                                          "pattern",
                                          "minLength",
                                          "maxLength",
                                          "minimum",
                                          "maximum",
                                          "exclusiveMinimum",
                                          "exclusiveMaximum",
                                          "multipleOf",
                                          "properties",
                                          "required",
                                          "additionalProperties",
                                          "patternProperties",
                                          "propertyNames",
                                          "minProperties",
                                          "maxProperties",
                                          "items",
                                          "prefixItems",
                                          "additionalItems",
                                          "contains",
                                          "minItems",
                                          "maxItems",
                                          "uniqueItems",
                                          "unevaluatedItems",
                                          "unevaluatedProperties",
                                          "$dynamicRef",
                                          "$recursiveRef",
                                          "extends",
                                          "disallow",
                                          "divisibleBy"};

bool is_one_of(std::string_view key, std::span<const std::string_view> keys) {
  return std::ranges::find(keys, key) != keys.end();
}

std::optional<uint8_t> types_named(std::string_view name) {
  if (name == "null") return kNullType;
  if (name == "boolean") return kBooleanType;
  if (name == "integer") return kIntegerType;
  if (name == "number") return kIntegerType | kFractionType;
  if (name == "string") return kStringType;
  if (name == "array") return kArrayType;
  if (name == "object") return kObjectType;
  if (name == "any") return kAllTypes;  // draft 3, still written
  return std::nullopt;
}

Result<uint8_t> read_types(const json::value& value, const Pointer& at) {
  uint8_t types = 0;
  const auto add = [&](const json::value& name) {
    const auto named = name.is_string() ? types_named(name.get_string()) : std::nullopt;
    types |= named.value_or(0);
    return named.has_value();
  };
  if (const auto* list = value.if_array()) {
    if (list->empty()) return schema_error(Code::kInvalidArgument, at, "allows no type");
    for (const json::value& name : *list) {
      if (!add(name)) return schema_error(Code::kInvalidArgument, at, "names no type of JSON");
    }
  } else if (!add(value)) {
    return schema_error(Code::kInvalidArgument, at, "names no type of JSON");
  }
  return types;
}

Result<int64_t> read_count(const json::value& value, const Pointer& at) {
  const double count = value.is_number() ? value.to_number<double>() : -1;
  if (count < 0 || count != std::floor(count))
    return schema_error(Code::kInvalidArgument, at, "must be a whole number from 0 up");
  return static_cast<int64_t>(std::min(count, 4e9));
}

Status raise_least(const json::value& value, const Pointer& at, int64_t& least) {
  STUDIO_TRY(const int64_t count, read_count(value, at));
  if (count > kMaxLeastCount) {
    return schema_error(Code::kUnimplemented, at,
                        "more than " + std::to_string(kMaxLeastCount) + " cannot be enforced");
  }
  least = std::max(least, count);
  return Ok{};
}

Status lower_most(const json::value& value, const Pointer& at, std::optional<int64_t>& most) {
  STUDIO_TRY(const int64_t count, read_count(value, at));
  most = std::min(most.value_or(count), count);
  return Ok{};
}

void raise_low(std::optional<Bound>& low, Bound bound) {
  if (!low || bound.value > low->value || (bound.value == low->value && bound.is_exclusive)) low = bound;
}
void lower_high(std::optional<Bound>& high, Bound bound) {
  if (!high || bound.value < high->value || (bound.value == high->value && bound.is_exclusive)) high = bound;
}

bool is_true(const json::object& schema, std::string_view key) {
  const json::value* value = schema.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

// A bound as a double: of an integer that none holds the nearest on the inner side, so that nothing outside is written.
double inward(const json::value& bound, bool is_low) {
  const auto nearest = bound.to_number<double>();
  if (!bound.is_int64() || std::fabs(nearest) >= 1e18) return nearest;  // further than any number that is written
  const int64_t exact = bound.get_int64(), reached = static_cast<int64_t>(nearest);
  const bool is_outside = is_low ? reached < exact : reached > exact;
  return is_outside ? std::nextafter(nearest, is_low ? HUGE_VAL : -HUGE_VAL) : nearest;
}

Status read_bound(const json::object& schema, std::string_view key, const json::value& value, const Pointer& at,
                  NumberRange& numbers) {
  const bool is_low = key == "minimum" || key == "exclusiveMinimum";
  bool is_exclusive = key.starts_with("exclusive");
  if (is_exclusive && value.is_bool()) return Ok{};  // draft 4: read with its bound
  if (!value.is_number()) return schema_error(Code::kInvalidArgument, at, "must be a number");
  if (!is_exclusive) is_exclusive = is_true(schema, is_low ? "exclusiveMinimum" : "exclusiveMaximum");
  const Bound bound{inward(value, is_low), is_exclusive};
  if (is_low) raise_low(numbers.low, bound);
  if (!is_low) lower_high(numbers.high, bound);
  return Ok{};
}

// 0.05 is 5 at two decimals. Nothing where that takes more digits than can be counted.
constexpr size_t kMaxMultipleDigits = 15;  // that a double tells apart
std::optional<std::pair<int64_t, int>> as_decimal(double divisor) {
  char text[400];
  std::string_view digits(text, std::to_chars(text, text + sizeof text, divisor, std::chars_format::fixed).ptr);
  const size_t point = std::min(digits.find('.'), digits.size());
  const std::string_view after = digits.substr(std::min(point + 1, digits.size()));
  if (after.size() > kMaxMultipleDecimals || point + after.size() > kMaxMultipleDigits) return std::nullopt;
  int64_t whole = 0;
  for (const char digit : digits) {
    if (digit != '.') whole = whole * 10 + (digit - '0');
  }
  return std::pair(whole, static_cast<int>(after.size()));
}

Status read_multiple(const json::value& value, const Pointer& at, SchemaFacts& facts) {
  if (!value.is_number() || value.to_number<double>() <= 0) {
    return schema_error(Code::kInvalidArgument, at, "must be a number above 0");
  }
  const auto decimal = as_decimal(value.to_number<double>());
  const auto too_large = [&] {
    return schema_error(Code::kUnimplemented, at, "multiples of such a number, or of two together, cannot be enforced");
  };
  if (!decimal) return too_large();
  auto [both, decimals] = *decimal;
  int64_t other = facts.numbers.multiple_of;
  if (other != 0) {
    for (int i = decimals; i < facts.numbers.multiple_decimals; ++i) both *= 10;
    for (int i = facts.numbers.multiple_decimals; i < decimals; ++i) other *= 10;
    const int64_t common = std::gcd(both, other);
    if (both / common > static_cast<int64_t>(1e15) / other) return too_large();
    both = both / common * other;
    decimals = std::max(decimals, facts.numbers.multiple_decimals);
  }
  facts.numbers.multiple_of = both;
  facts.numbers.multiple_decimals = decimals;
  if (decimals == 0) facts.types &= static_cast<uint8_t>(~kFractionType);
  return Ok{};
}

// An unknown format says nothing, as the specification has it.
Status read_format(const json::value& value, const Pointer& at, Meaning meaning, SchemaFacts& facts) {
  if (!value.is_string()) return schema_error(Code::kInvalidArgument, at, "must be a string");
  const std::string_view name = value.get_string();
  if (name == "int32") {
    raise_low(facts.numbers.low, {-2147483648.0, false});
    lower_high(facts.numbers.high, {2147483647.0, false});
  }
  // Validators that check these formats take whole numbers alone.
  const bool is_whole = (name == "int32" || name == "int64") && meaning == Meaning::kPolicy;
  if (is_whole) facts.types &= static_cast<uint8_t>(~kFractionType);
  if (meaning == Meaning::kWidest) {
    const std::string_view widest = widest_format_pattern(name);
    if (!widest.empty()) facts.patterns.push_back({.text = std::string(widest), .at = at});
  } else if (const std::string_view pattern = format_pattern(name); !pattern.empty()) {
    facts.patterns.push_back({.text = std::string(pattern), .at = at, .of_listed = listed_format_pattern(name)});
  }
  return Ok{};
}

constexpr size_t kValuesOfAUnit = 8;  // compared in the time of a unit of work

void keep_common(std::optional<std::vector<const json::value*>>& values, std::vector<const json::value*> more) {
  if (values) {
    std::erase_if(more, [&](const json::value* value) {
      return std::ranges::none_of(*values, [&](const json::value* other) { return is_same(*other, *value); });
    });
  }
  values = std::move(more);
}

// Keywords with a number.
Status read_amount(const json::object& schema, std::string_view key, const json::value& value, const Pointer& at,
                   SchemaFacts& facts) {
  if (key == "minimum" || key == "maximum" || key == "exclusiveMinimum" || key == "exclusiveMaximum") {
    return read_bound(schema, key, value, at, facts.numbers);
  }
  if (key == "multipleOf") return read_multiple(value, at, facts);
  if (key == "minLength") return raise_least(value, at, facts.chars.min);
  if (key == "maxLength") return lower_most(value, at, facts.chars.max);
  if (key == "minItems") return raise_least(value, at, facts.items.min);
  if (key == "maxItems") return lower_most(value, at, facts.items.max);
  if (key == "minProperties") return raise_least(value, at, facts.properties.min);
  if (key == "maxProperties") return lower_most(value, at, facts.properties.max);
  return Ok{};
}

uint8_t type_that_has(std::string_view key) {
  constexpr std::string_view kOfObjects[] = {
      "properties",    "required",      "additionalProperties", "patternProperties", "minProperties",
      "maxProperties", "propertyNames", "dependencies",         "dependentRequired", "dependentSchemas"};
  constexpr std::string_view kOfArrays[] = {"items",    "prefixItems", "additionalItems", "minItems",
                                            "maxItems", "uniqueItems", "contains"};
  constexpr std::string_view kOfStrings[] = {"minLength", "maxLength", "pattern"};
  constexpr std::string_view kOfNumbers[] = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
                                             "multipleOf"};
  if (is_one_of(key, kOfObjects)) return kObjectType;
  if (is_one_of(key, kOfArrays)) return kArrayType;
  if (is_one_of(key, kOfStrings)) return kStringType;
  if (is_one_of(key, kOfNumbers)) return kIntegerType | kFractionType;
  return 0;
}

}  // namespace

Status SchemaReader::read_member(const Subschema& member, Meaning meaning, SchemaFacts& facts) const {
  if (member.is_negated) {
    read_negated(member, facts);
    return Ok{};
  }
  if (member.value->is_bool()) {
    facts.is_never |= !member.value->get_bool();
    return Ok{};
  }
  const auto* schema = member.value->if_object();
  if (schema == nullptr)
    return schema_error(Code::kInvalidArgument, member.pointer, "a schema is an object or a boolean");
  uint8_t implied = 0;
  for (const auto& [key, value] : *schema) STUDIO_CHECK_OK(read_keyword(member, key, value, meaning, facts, implied));
  const bool names_types = schema->contains("type") || schema->contains("enum") || schema->contains("const");
  const bool is_made = member.pointer.is_made();
  if (implied != 0 && !names_types && !is_made && meaning == Meaning::kPolicy) facts.types &= implied;
  for (const auto& [least, most] : {std::pair("minItems", "maxItems"), std::pair("minLength", "maxLength"),
                                    std::pair("minProperties", "maxProperties")}) {
    const auto *low = schema->if_contains(least), *high = schema->if_contains(most);
    if (low != nullptr && high != nullptr && low->to_number<double>() > high->to_number<double>())
      return schema_error(Code::kInvalidArgument, member.pointer.child(least), "is above " + std::string(most));
  }
  return Ok{};
}

// What must not hold and can be said as a fact. False for the rest, of which one way must be chosen.
bool SchemaReader::read_negated(const Subschema& member, SchemaFacts& facts) const {
  if (member.value->is_bool()) {
    facts.is_never |= member.value->get_bool();
    return true;
  }
  const auto* schema = member.value->if_object();
  if (schema != nullptr && schema->empty()) facts.is_never = true;
  if (schema == nullptr || schema->size() != 1) return schema != nullptr && schema->empty();
  const auto& [key, value] = *schema->begin();
  if (!knows(key)) {
    facts.is_never = true;
  } else if (key == "type") {
    const auto types = read_types(value, member.pointer);
    if (!types.ok()) return false;
    facts.types &= static_cast<uint8_t>(~*types);
  } else if (key == "const") {
    facts.no_values.push_back(&value);
  } else if (key == "enum" && value.is_array()) {
    for (const json::value& each : value.get_array()) facts.no_values.push_back(&each);
  } else if (key == "pattern" && value.is_string()) {
    facts.types &= kStringType;  // any other value satisfies it
    facts.no_patterns.push_back({.text = std::string(value.get_string()), .at = member.pointer});
  } else {
    return false;
  }
  return true;
}

Status SchemaReader::read_keyword(const Subschema& member, std::string_view key, const json::value& value,
                                  Meaning meaning, SchemaFacts& facts, uint8_t& implied) const {
  implied |= type_that_has(key);
  if (!is_one_of(key, kKeywords) || (meaning == Meaning::kWidest && !knows(key))) return Ok{};
  const Pointer at = member.pointer.child(key);
  const json::object& schema = member.value->get_object();
  if (is_one_of(key, kRefused)) {
    const bool says_nothing = key.starts_with("unevaluated") && value.is_bool() && value.get_bool();
    if (says_nothing || meaning == Meaning::kWidest) return Ok{};
    return schema_error(Code::kUnimplemented, at, "the keyword \"" + std::string(key) + "\" cannot be enforced");
  }
  facts.has_inner_keywords |= (type_that_has(key) & (kArrayType | kObjectType)) != 0;
  if (key == "required" && !value.is_array())
    return schema_error(Code::kInvalidArgument, at, "must be a list of names");
  if (key == "type") {
    STUDIO_TRY(uint8_t types, read_types(value, at));
    if (is_true(schema, "nullable")) types |= kNullType;
    facts.types &= types;
    return Ok{};
  }
  if (key == "enum") {
    if (!value.is_array() || value.get_array().empty())
      return schema_error(Code::kInvalidArgument, at, "must list at least one value");
    std::vector<const json::value*> listed;
    for (const json::value& each : value.get_array()) listed.push_back(&each);
    if (facts.values) STUDIO_CHECK_OK(spend(listed.size() * facts.values->size() / kValuesOfAUnit, at));
    keep_common(facts.values, std::move(listed));
    facts.values_at = at;
    return Ok{};
  }
  if (key == "const") {
    keep_common(facts.values, {&value});
    facts.values_at = at;
    return Ok{};
  }
  if (key == "format") return read_format(value, at, meaning, facts);
  if (key == "pattern") {
    if (!value.is_string()) return schema_error(Code::kInvalidArgument, at, "must be a string");
    facts.patterns.push_back({.text = std::string(value.get_string()), .at = at});
  }
  if (key == "uniqueItems") facts.items_differ |= value.is_bool() && value.get_bool();
  return read_amount(schema, key, value, at, facts);
}

}  // namespace studio::engine::constrain
