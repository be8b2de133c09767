#include "engine/constrain/schema_objects.h"

#include <algorithm>
#include <utility>

#include "engine/constrain/other_keys.h"

namespace studio::engine::constrain {

namespace json = boost::json;

Result<ObjectFacts> ObjectFacts::read(const SchemaFacts& facts, SchemaReader& reader) {
  ObjectFacts made;
  for (const Subschema& member : facts.members) {
    if (member.value->is_object() && !member.is_negated) STUDIO_CHECK_OK(made.read_member(member, reader));
    STUDIO_CHECK_OK(reader.spend(1 + made.names_.size() + made.required_.size(), member.pointer));
  }
  for (const std::string& name : made.required_) {
    if (made.known_names_.insert(name).second) made.names_.push_back(name);
  }
  return made;
}

Status ObjectFacts::read_member(const Subschema& schema, SchemaReader& reader) {
  Member member;
  member.schema = schema;
  const json::object& keywords = schema.value->get_object();
  if (const json::value* properties = keywords.if_contains("properties")) {
    const Pointer at = schema.pointer.child("properties");
    member.properties = properties->if_object();
    if (member.properties == nullptr) return schema_error(Code::kInvalidArgument, at, "must be an object of schemas");
    for (const auto& [name, inner] : *member.properties) STUDIO_CHECK_OK(add_name(name, at.child(name)));
  }
  if (const json::value* patterns = keywords.if_contains("patternProperties")) {
    STUDIO_CHECK_OK(read_patterns(*patterns, reader, member));
  }
  if (const json::value* required = keywords.if_contains("required"); required != nullptr) {
    STUDIO_CHECK_OK(read_required(*required, schema.pointer.child("required")));
  }
  member.additional = keywords.if_contains("additionalProperties");
  if (const json::value* of_names = keywords.if_contains("propertyNames")) {
    of_names_.push_back(schema.at(*of_names, "propertyNames"));
  }
  members_.push_back(std::move(member));
  return Ok{};
}

Status ObjectFacts::read_patterns(const json::value& value, SchemaReader& reader, Member& member) {
  const Subschema here = member.schema.at(value, "patternProperties");
  if (!value.is_object()) return schema_error(Code::kInvalidArgument, here.pointer, "must be an object of schemas");
  for (const auto& [text, inner] : value.get_object()) {
    const Subschema of_values = here.at(inner, text);
    auto known = std::ranges::find(patterns_, text, &Pattern::text);
    if (known == patterns_.end()) {
      STUDIO_TRY(auto keys, reader.texts_of(text, of_values.pointer));
      if (patterns_.size() == kMaxKeyPatterns) {
        return schema_error(Code::kUnimplemented, of_values.pointer,
                            "more than " + std::to_string(kMaxKeyPatterns) + " patterns of keys cannot be enforced");
      }
      patterns_.push_back({.text = text, .keys = std::move(keys)});
      known = patterns_.end() - 1;
    }
    member.patterns.emplace_back(static_cast<size_t>(known - patterns_.begin()), of_values);
  }
  return Ok{};
}

Status ObjectFacts::read_required(const json::value& value, const Pointer& at) {
  if (!value.is_array()) return schema_error(Code::kInvalidArgument, at, "must be a list of names");
  for (const json::value& name : value.get_array()) {
    if (!name.is_string()) return schema_error(Code::kInvalidArgument, at, "must be a list of names");
    if (name.get_string().size() > kMaxNameBytes)
      return schema_error(Code::kPayloadTooLarge, at, "holds a name of too many bytes");
    const std::string text(name.get_string());
    if (known_required_.insert(text).second) required_.push_back(text);
  }
  return Ok{};
}

Status ObjectFacts::add_name(std::string_view name, const Pointer& at) {
  if (name.size() > kMaxNameBytes) {
    return schema_error(Code::kPayloadTooLarge, at, "the name is over " + std::to_string(kMaxNameBytes) + " bytes");
  }
  if (known_names_.insert(std::string(name)).second) names_.emplace_back(name);
  return Ok{};
}

bool ObjectFacts::is_required(std::string_view name) const {
  return known_required_.contains(std::string(name));
}

void ObjectFacts::add_values(const Member& member, uint32_t patterns, bool is_listed, SubschemaSet& values) const {
  bool is_known = is_listed;
  for (const auto& [pattern, schema] : member.patterns) {
    if ((patterns >> pattern & 1) == 0) continue;
    values.push_back(schema);
    is_known = true;
  }
  if (!is_known && member.additional != nullptr) {
    values.push_back(member.schema.at(*member.additional, "additionalProperties"));
  }
}

SubschemaSet ObjectFacts::value_of(std::string_view name) const {
  uint32_t matching = 0;
  for (size_t i = 0; i < patterns_.size(); ++i) matching |= patterns_[i].keys->matches(name) ? 1u << i : 0u;
  SubschemaSet values;
  for (const Member& member : members_) {
    const auto* own = member.properties != nullptr ? member.properties->find(name) : nullptr;
    if (member.properties != nullptr && own == member.properties->end()) own = nullptr;
    if (own != nullptr) {
      const Subschema properties{.value = nullptr, .pointer = member.schema.pointer.child("properties")};
      values.push_back(properties.at(own->value(), own->key()));
    }
    add_values(member, matching, own != nullptr, values);
  }
  return values;
}

SubschemaSet ObjectFacts::value_of_others(uint32_t patterns) const {
  SubschemaSet values;
  for (const Member& member : members_) add_values(member, patterns, false, values);
  return values;
}

bool ObjectFacts::forbids(std::string_view name) const {
  return std::ranges::any_of(
      value_of(name), [](const Subschema& schema) { return schema.value->is_bool() && !schema.value->get_bool(); });
}

}  // namespace studio::engine::constrain
