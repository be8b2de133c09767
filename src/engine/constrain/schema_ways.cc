#include "engine/constrain/schema_ways.h"

#include <algorithm>
#include <cmath>

#include "engine/constrain/formats.h"

namespace studio::engine::constrain {
namespace {

namespace json = boost::json;

// Assertions whose opposite is no schema that can be held to. What is neither here nor below asserts nothing.
constexpr std::string_view kWithoutOpposite[] = {"patternProperties", "additionalProperties", "propertyNames",
                                                 "prefixItems",       "additionalItems",      "uniqueItems",
                                                 "multipleOf",        "unevaluatedItems",     "unevaluatedProperties",
                                                 "$dynamicRef",       "$recursiveRef"};

bool is_listed(std::string_view key, std::span<const std::string_view> list) {
  return std::ranges::find(list, key) != list.end();
}

bool takes_all(const json::value& schema) {
  return schema.is_bool() ? schema.get_bool() : schema.is_object() && schema.get_object().empty();
}

bool is_true(const json::object& schema, std::string_view key) {
  const json::value* value = schema.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

}  // namespace

Result<const SchemaWays::Ways*> SchemaWays::of(const Subschema& member) {
  STUDIO_TRY(const Found found, find(member));
  if (found.ways.empty() && found.leaves_out) {
    return schema_error(Code::kUnimplemented, member.pointer, "what fails this schema cannot be enforced");
  }
  return &known_.at(member.value).ways;
}

Result<SchemaWays::Found> SchemaWays::find(const Subschema& member) {
  if (const auto known = known_.find(member.value); known != known_.end()) return known->second;
  Found found;
  if (std::ranges::find(under_way_, member.value) != under_way_.end()) return Found{.ways = {}, .leaves_out = true};
  const auto* schema = member.value->if_object();
  if (schema == nullptr && !member.value->is_bool())
    return schema_error(Code::kInvalidArgument, member.pointer, "a schema is an object or a boolean");
  if (schema == nullptr) {
    if (!member.value->get_bool()) found.ways.emplace_back();
  } else {
    under_way_.push_back(member.value);
    const Status status = add_of_schema(member, *schema, found);
    under_way_.pop_back();
    if (!status.ok()) return std::move(status).error();
  }
  return known_.insert_or_assign(member.value, std::move(found)).first->second;
}

// Before 2019-09 what stands beside a $ref says nothing; where the draft is not known it may not be counted on.
Status SchemaWays::add_of_schema(const Subschema& member, const json::object& schema, Found& found) {
  const bool refers = schema.contains("$ref");
  if (refers) {
    STUDIO_TRY(const Subschema target, reader_.target_of(member));
    STUDIO_TRY(found, find(target));
    found.leaves_out |= reader_.draft() == Draft::kUnknown && schema.size() > 1;
  }
  if (!refers || reader_.draft() >= Draft::k2019) {
    for (const auto& [key, value] : schema) STUDIO_CHECK_OK(add_of(member, key, value, found));
  }
  if (is_true(schema, "nullable")) {
    const Subschema no_null = reader_.made(json::object{{"type", "null"}}, member.pointer).negated();
    for (SubschemaSet& way : found.ways) way.push_back(no_null);
  }
  return Ok{};
}

Result<SchemaWays::Ways> SchemaWays::of_condition(const Subschema& member) const {
  const json::object& schema = member.value->get_object();
  const json::value *then = schema.if_contains("then"), *otherwise = schema.if_contains("else");
  if (then == nullptr && otherwise == nullptr) return Ways{{}};
  const Subschema condition = member.at(schema.at("if"), "if");
  Ways ways(2);
  ways[0].push_back(condition);
  if (then != nullptr) ways[0].push_back(member.at(*then, "then"));
  ways[1].push_back(condition.negated());
  if (otherwise != nullptr) ways[1].push_back(member.at(*otherwise, "else"));
  return ways;
}

Status SchemaWays::add_of(const Subschema& schema, std::string_view key, const json::value& value, Found& found) {
  if (!reader_.knows(key)) return Ok{};
  const Subschema at = schema.at(value, key);
  if (is_listed(key, kWithoutOpposite)) {
    found.leaves_out = true;
  } else if (key == "type" || key == "enum" || key == "const") {
    json::object no{{key, value}};
    if (key == "type" && is_true(schema.value->get_object(), "nullable")) no[key] = json::array{value, "null"};
    if (key == "type" && value.is_array()) no[key] = value;
    found.ways.push_back({reader_.made(std::move(no), at.pointer).negated()});
  } else if (key == "pattern") {
    add({{"type", "string"}, {"not", json::object{{key, value}}}}, at, found);
  } else if (key == "format") {
    const auto widest = value.is_string() ? widest_format_pattern(value.get_string()) : std::string_view();
    found.leaves_out = true;
    if (!widest.empty()) add({{"type", "string"}, {"not", json::object{{"pattern", widest}}}}, at, found);
  } else if (key == "required" && value.is_array()) {
    for (const json::value& name : value.get_array()) {
      if (name.is_string())
        add({{"type", "object"}, {"properties", json::object{{name.get_string(), false}}}}, at, found);
    }
  } else if (key == "properties" && value.is_object()) {
    add_of_properties(at, found);
  } else if (key == "allOf" && value.is_array()) {
    return add_of_list(at, found);
  } else if ((key == "anyOf" || key == "oneOf") && value.is_array()) {
    found.leaves_out |= key == "oneOf";  // to satisfy two is another way
    SubschemaSet none;
    for (size_t i = 0; i < value.get_array().size(); ++i) {
      none.push_back(at.at(value.get_array()[i], i).negated());
    }
    found.ways.push_back(std::move(none));
  } else if (key == "not") {
    found.ways.push_back({at});
  } else if (key == "if") {
    STUDIO_TRY(Ways of_if, of_condition(schema));
    for (SubschemaSet& way : of_if) {  // the same condition with the opposite of what follows from it
      if (way.size() < 2) continue;
      way.back() = way.back().negated();
      found.ways.push_back(std::move(way));
    }
  } else if (key == "items" && !value.is_array()) {
    // Items that prefixItems lists are none of its business, and `contains` counts them.
    const bool is_of_rest = reader_.knows("prefixItems") && schema.value->get_object().contains("prefixItems");
    found.leaves_out |= is_of_rest;
    if (is_of_rest) return Ok{};
    add({{"type", "array"}, {"contains", not_of(at)}}, at, found);
  } else if (key == "contains") {
    const bool is_counted = reader_.knows("minContains") && schema.value->get_object().contains("minContains");
    found.leaves_out |= is_counted;
    if (!is_counted) add({{"type", "array"}, {"items", not_of(at)}}, at, found);
  } else if (key == "dependencies" || key == "dependentRequired" || key == "dependentSchemas" || key == "items") {
    found.leaves_out = true;
  } else {
    add_of_amount(schema, key, value, found);
  }
  return Ok{};
}

Status SchemaWays::add_of_list(const Subschema& list, Found& found) {
  for (size_t i = 0; i < list.value->get_array().size(); ++i) {
    STUDIO_TRY(const Found of_part, find(list.at(list.value->get_array()[i], i)));
    STUDIO_CHECK_OK(reader_.spend(of_part.ways.size(), list.pointer));
    const size_t room = kMaxFoundWays - std::min(kMaxFoundWays, found.ways.size());
    const size_t taken = std::min(room, of_part.ways.size());
    found.ways.insert(found.ways.end(), of_part.ways.begin(), of_part.ways.begin() + static_cast<ptrdiff_t>(taken));
    found.leaves_out |= of_part.leaves_out || taken < of_part.ways.size();
  }
  return Ok{};
}

// One of them is there, and not as it should be.
void SchemaWays::add_of_properties(const Subschema& properties, Found& found) {
  for (const auto& [name, inner] : properties.value->get_object()) {
    if (takes_all(inner)) continue;
    const Subschema at = properties.at(inner, name);
    add({{"type", "object"}, {"required", json::array{name}}, {"properties", json::object{{name, not_of(at)}}}}, at,
        found);
  }
}

void SchemaWays::add_of_amount(const Subschema& schema, std::string_view key, const json::value& value, Found& found) {
  struct Amount {
    std::string_view key, type, opposite;
    int step;
  };
  static constexpr Amount kAmounts[] = {{"minLength", "string", "maxLength", -1},
                                        {"maxLength", "string", "minLength", 1},
                                        {"minItems", "array", "maxItems", -1},
                                        {"maxItems", "array", "minItems", 1},
                                        {"minProperties", "object", "maxProperties", -1},
                                        {"maxProperties", "object", "minProperties", 1},
                                        {"minimum", "number", "exclusiveMaximum", 0},
                                        {"maximum", "number", "exclusiveMinimum", 0},
                                        {"exclusiveMinimum", "number", "maximum", 0},
                                        {"exclusiveMaximum", "number", "minimum", 0}};
  const auto amount = std::ranges::find(kAmounts, key, &Amount::key);
  if (amount == std::end(kAmounts) || !value.is_number()) return;
  const Subschema at = schema.at(value, key);
  if (amount->step == 0) {
    const json::object& keywords = schema.value->get_object();
    const bool is_open = (key == "minimum" && is_true(keywords, "exclusiveMinimum")) ||
                         (key == "maximum" && is_true(keywords, "exclusiveMaximum"));
    const std::string_view closed = key == "minimum" ? "maximum" : "minimum";
    add({{"type", "number"}, {is_open ? closed : amount->opposite, value}}, at, found);
    return;
  }
  const double count = std::floor(value.to_number<double>()) + amount->step;
  if (count >= 0) add({{"type", amount->type}, {amount->opposite, count}}, at, found);
}

void SchemaWays::add(json::object way, const Subschema& at, Found& found) {
  found.ways.push_back({reader_.made(std::move(way), at.pointer)});
}

json::value SchemaWays::not_of(const Subschema& schema) {
  return json::object{{"not", reader_.reference_to(schema)}};
}

}  // namespace studio::engine::constrain
