// An object's members in the order of its properties, some of them optional, then others.
//
// A rule stands for "named members from here on, so many written before". Written counts as none or some where nothing
// counts members, so a schema of n properties has 2n rules; minProperties and maxProperties make it more.
#include <algorithm>

#include "engine/constrain/other_keys.h"
#include "engine/constrain/schema.h"
#include "engine/constrain/schema_compiler.h"

namespace studio::engine::constrain {

// Those of an object, without its braces.
Result<ExprId> SchemaCompiler::build_members(const SchemaFacts& facts, Style style) {
  STUDIO_TRY(ObjectFacts object, ObjectFacts::read(facts, reader_));
  STUDIO_TRY(const std::optional<Dfa> allowed_names, names_of(object));
  if (style == kParameters) STUDIO_CHECK_OK(add_known_names(object));
  Members members;
  members.have_commas = style == kJson;
  int64_t required = 0;
  for (const std::string& name : object.names()) {
    const bool is_required = object.is_required(name);
    if (object.forbids(name) || (allowed_names && !allowed_names->matches(name))) {
      if (is_required) return grammar_.nothing();
      continue;
    }
    members.named.push_back({named_member(name, object.value_of(name), style), is_required});
    required += is_required ? 1 : 0;
  }
  const auto others = other_keys(object, allowed_names);
  if (!others.ok()) {
    return schema_error(others.error(), pointer_of(facts, {"patternProperties", "propertyNames", "properties"}));
  }
  std::vector<ExprId> other_members;
  for (const OtherKeys& keys : *others) {
    STUDIO_TRY(const ExprId member, other_member(keys, object, style));
    other_members.push_back(member);
  }
  members.other = grammar_.choice(other_members);
  Sized size = facts.properties;
  for (const boost::json::value* no : facts.no_values) {  // not a given object: simply one with more members
    if (no->is_object()) size.min = std::max(size.min, static_cast<int64_t>(no->get_object().size()) + 1);
  }
  if (size.max && *size.max < size.min) return grammar_.nothing();
  const bool is_open = members.other != grammar_.nothing();
  const auto most_named = static_cast<int64_t>(members.named.size());
  if (size.min > required) members.min = size.min;
  if (size.max && (is_open || *size.max < most_named)) members.max = *size.max;
  const int64_t counted_to = members.max >= 0 ? members.max : members.min;
  members.counted_to = static_cast<uint32_t>(std::clamp<int64_t>(counted_to, 1, most_named + 1));
  if (is_open && members.min > required + 1) {
    return schema_error(Code::kUnimplemented, pointer_of(facts, {"minProperties", "const", "enum"}),
                        "keys that are not named may repeat, so that their number cannot be enforced");
  }
  return ordered_members(members, facts);
}

// What propertyNames allows; names that it lists become properties. Nothing where it says nothing.
Result<std::optional<Dfa>> SchemaCompiler::names_of(ObjectFacts& object) {
  if (object.of_names().empty()) return std::optional<Dfa>();
  STUDIO_TRY(const SchemaFacts facts, reader_.read(object.of_names()));
  if (facts.is_never || (facts.types & kStringType) == 0) return std::optional(Dfa::with_states(1, Dfa::kDead));
  if (facts.choice)
    return schema_error(Code::kUnimplemented, object.of_names().front().pointer,
                        "a choice of names cannot be enforced");
  STUDIO_TRY(Dfa names, texts_of(facts));
  if (facts.values) {
    for (const boost::json::value* value : *facts.values) {
      if (value->is_string() && names.matches(value->get_string()))
        STUDIO_CHECK_OK(object.add_name(value->get_string(), facts.values_at));
    }
  }
  return std::optional(std::move(names));
}

ExprId SchemaCompiler::named_member(const std::string& name, const SubschemaSet& values, Style style) {
  if (style == kParameters) return parameter(grammar_.literal(name), values, parameter_types_.of(name));
  return parts_.member(parts_.literal_string(name), value_of(values));
}

Result<ExprId> SchemaCompiler::other_member(const OtherKeys& others, const ObjectFacts& object, Style style) {
  if (style == kParameters) {
    STUDIO_TRY(const ExprId name, other_name(others, object));
    return parameter(name, others.values, parameter_types_.others);
  }
  ExprId key = 0;
  if (others.keys) {
    key = parts_.quoted(others.keys->json_expr(grammar_));
  } else {
    key =
        object.names().empty() ? parts_.string(0, kNoLimit) : parts_.quoted(keys_other_than(grammar_, object.names()));
  }
  return parts_.member(key, value_of(others.values));
}

// Those that are not listed and may be there. They are cut into kinds by the patterns they match.
Result<std::vector<SchemaCompiler::OtherKeys>> SchemaCompiler::other_keys(const ObjectFacts& object,
                                                                          const std::optional<Dfa>& allowed_names) {
  const auto is_allowed = [](const SubschemaSet& set) {
    return std::ranges::none_of(
        set, [](const Subschema& schema) { return schema.value->is_bool() && !schema.value->get_bool(); });
  };
  std::vector<OtherKeys> others;
  if (object.pattern_count() == 0 && !allowed_names) {
    SubschemaSet values = object.value_of_others(0);
    if (is_allowed(values)) others.push_back({std::nullopt, std::move(values)});
    return others;
  }
  STUDIO_TRY(const Dfa listed, Dfa::of_texts(object.names()));
  STUDIO_TRY(Dfa unlisted, listed.others());
  if (allowed_names) {
    STUDIO_TRY(unlisted, Dfa::both(unlisted, *allowed_names));
  }
  std::vector<std::pair<uint32_t, Dfa>> kinds;
  kinds.emplace_back(0, std::move(unlisted));
  for (size_t i = 0; i < object.pattern_count(); ++i) {
    STUDIO_TRY(kinds, cut_by(object.pattern(i), i, kinds));
  }
  for (auto& [matching, keys] : kinds) {
    SubschemaSet values = object.value_of_others(matching);
    if (is_allowed(values)) others.push_back({std::move(keys), std::move(values)});
  }
  return others;
}

// Each kind of keys as those that match and those that do not.
Result<SchemaCompiler::KeyKinds> SchemaCompiler::cut_by(const Dfa& pattern, size_t index, const KeyKinds& kinds) {
  STUDIO_TRY(const Dfa unmatched, pattern.others());
  KeyKinds made;
  for (const auto& [matching, keys] : kinds) {
    STUDIO_TRY(Dfa inside, Dfa::both(keys, pattern));
    STUDIO_TRY(Dfa outside, Dfa::both(keys, unmatched));
    if (!inside.is_empty()) made.emplace_back(matching | 1u << index, std::move(inside));
    if (!outside.is_empty()) made.emplace_back(matching, std::move(outside));
  }
  size_t states = 0;
  for (const auto& [matching, keys] : made) states += keys.state_count();
  if (made.size() > kMaxKeyKinds || states > kMaxKeyStates)
    return Error(Code::kUnimplemented, "patterns of keys that overlap so much cannot be enforced");
  return made;
}

Result<ExprId> SchemaCompiler::ordered_members(const Members& members, const SchemaFacts& facts) {
  const size_t count = members.named.size(), counts = members.counted_to + 1;
  rules_made_ += count * counts;
  if (rules_made_ > kMaxSchemaRules) {
    return schema_error(Code::kPayloadTooLarge, facts.members.front().pointer,
                        "too many properties, or too many to count");
  }
  // [from, written]; those after the last named one first.
  std::vector<ExprId> next(counts), here(counts);
  for (uint32_t written = 0; written < counts; ++written) next[written] = last_members(members, written);
  for (size_t from = count; from-- > 0;) {
    const auto& [member, is_required] = members.named[from];
    for (uint32_t written = 0; written < counts; ++written) {
      std::vector<ExprId> ways;
      const uint32_t then = std::min(written + 1, members.counted_to);
      if (members.max < 0 || written < members.max) {
        const bool is_first = written == 0 || !members.have_commas;
        ways.push_back(grammar_.sequence({is_first ? member : parts_.next(member), next[then]}));
      }
      if (!is_required) ways.push_back(next[written]);
      const RuleId rule = grammar_.add_rule();
      grammar_.define(rule, grammar_.choice(ways));
      here[written] = grammar_.rule(rule);
    }
    std::swap(here, next);
  }
  return next[0];
}

ExprId SchemaCompiler::last_members(const Members& members, uint32_t count) {
  const auto least = static_cast<uint32_t>(std::max<int64_t>(0, members.min - count));
  const uint32_t most = members.max < 0 ? kNoLimit : static_cast<uint32_t>(std::max<int64_t>(0, members.max - count));
  if (members.other == grammar_.nothing()) return least == 0 ? grammar_.empty() : grammar_.nothing();
  if (!members.have_commas) return grammar_.repeat(members.other, least, most);
  if (count == 0) return parts_.list(members.other, least, most);
  return grammar_.repeat(parts_.next(members.other), least, most);
}

}  // namespace studio::engine::constrain
