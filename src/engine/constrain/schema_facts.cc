#include "engine/constrain/schema_facts.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/json.h"
#include "engine/constrain/dfa.h"
#include "engine/constrain/formats.h"
#include "engine/constrain/schema.h"

namespace studio::engine::constrain {
namespace {

namespace json = boost::json;

// What a draft defines and a constraint on the bytes so far cannot, or does not yet, hold to.
constexpr std::string_view kRefused[] = {"not",
                                         "if",
                                         "then",
                                         "else",
                                         "dependentRequired",
                                         "dependentSchemas",
                                         "dependencies",
                                         "contains",
                                         "minContains",
                                         "maxContains",
                                         "propertyNames",
                                         "unevaluatedItems",
                                         "$dynamicRef",
                                         "$recursiveRef",
                                         "contentSchema",
                                         "unevaluatedProperties",
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

Result<uint8_t> read_types(const json::value& value, const std::string& at) {
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

Result<int64_t> read_count(const json::value& value, const std::string& at) {
  const double count = value.is_number() ? value.to_number<double>() : -1;
  if (count < 0 || count != std::floor(count))
    return schema_error(Code::kInvalidArgument, at, "must be a whole number from 0 up");
  return static_cast<int64_t>(std::min(count, 4e9));
}

Status raise_least(const json::value& value, const std::string& at, int64_t& least) {
  STUDIO_TRY(const int64_t count, read_count(value, at));
  if (count > kMaxLeastCount) {
    return schema_error(Code::kUnimplemented, at,
                        "more than " + std::to_string(kMaxLeastCount) + " cannot be enforced");
  }
  least = std::max(least, count);
  return Ok{};
}

Status lower_most(const json::value& value, const std::string& at, std::optional<int64_t>& most) {
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

Status read_bound(const json::object& schema, std::string_view key, const json::value& value, const std::string& at,
                  NumberRange& numbers) {
  const bool is_low = key == "minimum" || key == "exclusiveMinimum";
  bool is_exclusive = key.starts_with("exclusive");
  if (is_exclusive && value.is_bool()) return Ok{};  // draft 4: read with its bound
  if (!value.is_number()) return schema_error(Code::kInvalidArgument, at, "must be a number");
  if (!is_exclusive) is_exclusive = is_true(schema, is_low ? "exclusiveMinimum" : "exclusiveMaximum");
  const Bound bound{value.to_number<double>(), is_exclusive};
  if (is_low) raise_low(numbers.low, bound);
  if (!is_low) lower_high(numbers.high, bound);
  return Ok{};
}

Status read_multiple(const json::value& value, const std::string& at, SchemaFacts& facts) {
  if (!value.is_number() || value.to_number<double>() <= 0) {
    return schema_error(Code::kInvalidArgument, at, "must be a number above 0");
  }
  const double divisor = value.to_number<double>();
  if (divisor != std::floor(divisor) || divisor > 1e15) {
    return schema_error(Code::kUnimplemented, at, "only whole divisors can be enforced");
  }
  int64_t both = static_cast<int64_t>(divisor), other = facts.numbers.multiple_of;
  if (other != 0) {
    int64_t a = both, b = other;
    while (b != 0) a = std::exchange(b, a % b);
    if (both / a > static_cast<int64_t>(1e15) / other)
      return schema_error(Code::kUnimplemented, at, "is too large together with another");
    both = both / a * other;
  }
  facts.numbers.multiple_of = both;
  facts.types &= static_cast<uint8_t>(~kFractionType);
  return Ok{};
}

Status read_format(const json::value& value, const std::string& at, SchemaFacts& facts) {
  if (!value.is_string()) return schema_error(Code::kInvalidArgument, at, "must be a string");
  const std::string_view name = value.get_string();
  if (name == "int32") {
    raise_low(facts.numbers.low, {-2147483648.0, false});
    lower_high(facts.numbers.high, {2147483647.0, false});
    return Ok{};
  }
  if (name == "int64" || name == "float" || name == "double") return Ok{};  // every number written here is one
  const auto pattern = format_pattern(name);
  if (!pattern)
    return schema_error(Code::kUnimplemented, at, "the format \"" + std::string(name) + "\" cannot be enforced");
  if (!pattern->empty()) facts.patterns.emplace_back(*pattern, at);
  return Ok{};
}

void keep_common(std::optional<std::vector<const json::value*>>& values, std::vector<const json::value*> more) {
  if (values) {
    std::erase_if(more, [&](const json::value* value) {
      return std::ranges::none_of(*values, [&](const json::value* other) { return *other == *value; });
    });
  }
  values = std::move(more);
}

uint8_t type_that_has(std::string_view key) {
  constexpr std::string_view kOfObjects[] = {"properties",        "required",      "additionalProperties",
                                             "patternProperties", "minProperties", "maxProperties"};
  constexpr std::string_view kOfArrays[] = {"items",    "prefixItems", "additionalItems",
                                            "minItems", "maxItems",    "uniqueItems"};
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

Error schema_error(Code code, const std::string& pointer, const std::string& what) {
  return Error(code, pointer + ": " + what).with_param(pointer);
}

std::string pointer_part(std::string_view key) {
  std::string out = "/";
  for (const char c : key) out += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
  return out;
}

Subschema Subschema::at(const json::value& inner, std::string_view key) const {
  return {.value = &inner, .pointer = pointer + pointer_part(key)};
}

TypeBit type_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return kNullType;
    case json::kind::bool_:
      return kBooleanType;
    case json::kind::int64:
    case json::kind::uint64:
      return kIntegerType;
    case json::kind::double_:
      return value.get_double() == std::floor(value.get_double()) ? kIntegerType : kFractionType;
    case json::kind::string:
      return kStringType;
    case json::kind::array:
      return kArrayType;
    case json::kind::object:
      return kObjectType;
  }
  return kNullType;
}

Result<Subschema> SchemaReader::resolve(std::string_view ref, const std::string& at) const {
  if (!ref.starts_with("#"))
    return schema_error(Code::kUnimplemented, at, "only references within the schema (#...) are followed");
  Subschema here{.value = &root_, .pointer = "#"};
  size_t i = 1;
  while (i < ref.size()) {
    if (ref[i] != '/') return schema_error(Code::kUnimplemented, at, "only references by JSON pointer are followed");
    std::string key;
    for (++i; i < ref.size() && ref[i] != '/'; ++i) {
      if (ref[i] == '~' && i + 1 < ref.size() && (ref[i + 1] == '0' || ref[i + 1] == '1')) {
        key += ref[++i] == '0' ? '~' : '/';
      } else if (unsigned byte = 0;
                 ref[i] == '%' && i + 2 < ref.size() &&
                 std::from_chars(ref.data() + i + 1, ref.data() + i + 3, byte, 16).ptr == ref.data() + i + 3) {
        key += static_cast<char>(byte);
        i += 2;
      } else {
        key += ref[i];
      }
    }
    const json::value* inner = nullptr;
    if (const auto* object = here.value->if_object()) {
      inner = object->if_contains(key);
    } else if (const auto* array = here.value->if_array()) {
      size_t index = 0;
      const auto end = std::from_chars(key.data(), key.data() + key.size(), index).ptr;
      if (end == key.data() + key.size() && !key.empty()) inner = array->if_contains(index);
    }
    if (inner == nullptr) return schema_error(Code::kInvalidArgument, at, "refers to nothing: " + std::string(ref));
    here = here.at(*inner, key);
  }
  return here;
}

// Members that others bring in by $ref and allOf, each once, in an order that the document alone decides: what is
// referred to, then the parts of allOf, then the schema itself. So do the properties of a base come first.
Status SchemaReader::follow(const SubschemaSet& set, SchemaFacts& facts) const {
  struct Visit {
    Subschema member;
    bool is_followed = false;
  };
  std::set<Subschema> seen, kept;
  std::vector<Visit> pending;
  for (size_t i = set.size(); i-- > 0;) pending.push_back({set[i]});
  while (!pending.empty()) {
    Visit visit = std::move(pending.back());
    pending.pop_back();
    if (visit.is_followed) {
      if (kept.insert(visit.member).second) facts.members.push_back(std::move(visit.member));
      continue;
    }
    if (!seen.insert(visit.member).second) continue;
    SubschemaSet inner;
    STUDIO_CHECK_OK(follow_ref(visit.member, inner));
    STUDIO_CHECK_OK(follow_all(visit.member, inner));
    pending.push_back({std::move(visit.member), true});
    for (size_t i = inner.size(); i-- > 0;) pending.push_back({std::move(inner[i])});
  }
  return Ok{};
}

Status SchemaReader::follow_ref(Subschema& member, SubschemaSet& inner) const {
  const auto* schema = member.value->if_object();
  const json::value* ref = schema != nullptr ? schema->if_contains("$ref") : nullptr;
  if (ref == nullptr || (member.parts_read & Subschema::kRef) != 0) return Ok{};
  const std::string at = member.pointer + "/$ref";
  if (!ref->is_string()) return schema_error(Code::kInvalidArgument, at, "must be a string");
  STUDIO_TRY(Subschema target, resolve(ref->get_string(), at));
  inner.push_back(std::move(target));
  member.parts_read |= Subschema::kRef;
  return Ok{};
}

Status SchemaReader::follow_all(Subschema& member, SubschemaSet& inner) const {
  const auto* schema = member.value->if_object();
  const json::value* all = schema != nullptr ? schema->if_contains("allOf") : nullptr;
  if (all == nullptr || (member.parts_read & Subschema::kAllOf) != 0) return Ok{};
  const Subschema list = member.at(*all, "allOf");
  if (!all->is_array()) return schema_error(Code::kInvalidArgument, list.pointer, "must be a list of schemas");
  for (size_t i = 0; i < all->get_array().size(); ++i) {
    inner.push_back(list.at(all->get_array()[i], std::to_string(i)));
  }
  member.parts_read |= Subschema::kAllOf;
  return Ok{};
}

Result<SchemaFacts> SchemaReader::read(const SubschemaSet& set) const {
  SchemaFacts facts;
  STUDIO_CHECK_OK(follow(set, facts));
  for (size_t i = 0; i < facts.members.size(); ++i) {
    const Subschema& member = facts.members[i];
    STUDIO_CHECK_OK(read_member(member, facts));
    const auto* schema = member.value->if_object();
    if (schema == nullptr || facts.choice) continue;
    if (schema->contains("anyOf") && (member.parts_read & Subschema::kAnyOf) == 0) {
      facts.choice = {i, Subschema::kAnyOf};
    } else if (schema->contains("oneOf") && (member.parts_read & Subschema::kOneOf) == 0) {
      facts.choice = {i, Subschema::kOneOf};
    }
  }
  return facts;
}

Status SchemaReader::read_member(const Subschema& member, SchemaFacts& facts) const {
  if (member.value->is_bool()) {
    facts.is_never |= !member.value->get_bool();
    return Ok{};
  }
  const auto* schema = member.value->if_object();
  if (schema == nullptr)
    return schema_error(Code::kInvalidArgument, member.pointer, "a schema is an object or a boolean");
  uint8_t implied = 0;
  for (const auto& [key, value] : *schema) STUDIO_CHECK_OK(read_keyword(member, key, value, facts, implied));
  if (implied != 0 && !schema->contains("type") && !schema->contains("enum") && !schema->contains("const")) {
    facts.types &= implied;
  }
  const auto contradicts = [](const Sized& sized) { return sized.max && sized.min > *sized.max; };
  if (contradicts(facts.items))
    return schema_error(Code::kInvalidArgument, member.pointer + "/minItems", "is above maxItems");
  if (contradicts(facts.chars))
    return schema_error(Code::kInvalidArgument, member.pointer + "/minLength", "is above maxLength");
  if (contradicts(facts.properties)) {
    return schema_error(Code::kInvalidArgument, member.pointer + "/minProperties", "is above maxProperties");
  }
  return Ok{};
}

Status SchemaReader::read_keyword(const Subschema& member, std::string_view key, const json::value& value,
                                  SchemaFacts& facts, uint8_t& implied) const {
  const std::string at = member.pointer + pointer_part(key);
  const json::object& schema = member.value->get_object();
  if (is_one_of(key, kRefused)) {
    const bool says_nothing = key.starts_with("unevaluated") && value.is_bool() && value.get_bool();
    if (says_nothing) return Ok{};
    return schema_error(Code::kUnimplemented, at, "the keyword \"" + std::string(key) + "\" cannot be enforced");
  }
  implied |= type_that_has(key);
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
    keep_common(facts.values, std::move(listed));
    facts.values_at = at;
    return Ok{};
  }
  if (key == "const") {
    keep_common(facts.values, {&value});
    facts.values_at = at;
    return Ok{};
  }
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
  if (key == "format") return read_format(value, at, facts);
  if (key == "pattern") {
    if (!value.is_string()) return schema_error(Code::kInvalidArgument, at, "must be a string");
    facts.patterns.emplace_back(value.get_string(), at);
  }
  if (key == "uniqueItems" && value.is_bool() && value.get_bool()) {
    // One item differs from all others.
    const json::value* most = schema.if_contains("maxItems");
    if (most == nullptr || !most->is_number() || most->to_number<double>() > 1) {
      return schema_error(Code::kUnimplemented, at, "items that differ from each other cannot be enforced");
    }
  }
  return Ok{};
}

Result<bool> satisfies(const SchemaFacts& facts, const json::value& value) {
  const TypeBit type = type_of(value);
  if ((facts.types & type) == 0) return false;
  if (type == kIntegerType || type == kFractionType) {
    const double number = value.to_number<double>();
    const auto& [low, high, divisor] = facts.numbers;
    if (low && (low->is_exclusive ? number <= low->value : number < low->value)) return false;
    if (high && (high->is_exclusive ? number >= high->value : number > high->value)) return false;
    return divisor == 0 || std::fmod(number, static_cast<double>(divisor)) == 0;
  }
  if (type != kStringType) return true;
  const std::string_view text = value.get_string();
  const auto chars = std::ranges::count_if(text, [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; });
  if (chars < facts.chars.min || (facts.chars.max && chars > *facts.chars.max)) return false;
  for (const auto& [pattern, at] : facts.patterns) {
    auto dfa = Dfa::of_pattern(pattern);
    if (!dfa.ok()) return schema_error(dfa.error().code(), at, dfa.error().message());
    if (!dfa->matches(text)) return false;
  }
  return true;
}

}  // namespace studio::engine::constrain
