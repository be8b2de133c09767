// An object's members in the order of its properties, some of them optional, then others.
//
// A rule stands for "named members from here on, so many written before". Written counts as none or some where nothing
// counts members, so a schema of n properties has 2n rules; minProperties and maxProperties make it more.
#include <algorithm>

#include "engine/constrain/other_keys.h"
#include "engine/constrain/schema.h"
#include "engine/constrain/schema_compiler.h"

namespace studio::engine::constrain {

Result<ExprId> SchemaCompiler::build_object(const SchemaFacts& facts) {
  STUDIO_TRY(const ObjectFacts object, ObjectFacts::read(facts));
  Members members;
  int64_t required = 0;
  for (const std::string& name : object.names()) {
    const bool is_required = object.is_required(name);
    if (object.forbids(name)) {
      if (is_required) return grammar_.nothing();
      continue;
    }
    members.named.push_back({parts_.member(parts_.literal_string(name), value_of(object.value_of(name))), is_required});
    required += is_required ? 1 : 0;
  }
  STUDIO_TRY(members.other, other_members(object));
  const bool is_open = members.other != grammar_.nothing();
  const auto most_named = static_cast<int64_t>(members.named.size());
  if (facts.properties.min > required) members.min = facts.properties.min;
  if (facts.properties.max && (is_open || *facts.properties.max < most_named)) members.max = *facts.properties.max;
  const int64_t counted_to = members.max >= 0 ? members.max : members.min;
  members.counted_to = static_cast<uint32_t>(std::clamp<int64_t>(counted_to, 1, most_named + 1));
  if (is_open && members.min > required + 1) {
    return schema_error(Code::kUnimplemented, facts.members.front().pointer + "/minProperties",
                        "keys that are not named may repeat, so that their number cannot be enforced");
  }
  STUDIO_TRY(const ExprId inside, ordered_members(members, facts));
  return parts_.object(inside);
}

// Any member whose name is not listed. Names are cut into kinds by the patterns they match.
Result<ExprId> SchemaCompiler::other_members(const ObjectFacts& object) {
  const auto is_allowed = [](const SubschemaSet& set) {
    return std::ranges::none_of(
        set, [](const Subschema& schema) { return schema.value->is_bool() && !schema.value->get_bool(); });
  };
  if (object.pattern_count() == 0) {
    const SubschemaSet values = object.value_of_others(0);
    if (!is_allowed(values)) return grammar_.nothing();
    const ExprId key =
        object.names().empty() ? parts_.string(0, kNoLimit) : parts_.quoted(keys_other_than(grammar_, object.names()));
    return parts_.member(key, value_of(values));
  }
  STUDIO_TRY(const Dfa listed, Dfa::of_texts(object.names()));
  STUDIO_TRY(const Dfa unlisted, listed.others());
  std::vector<ExprId> kinds;
  for (uint32_t matching = 0; matching < 1u << object.pattern_count(); ++matching) {
    const SubschemaSet values = object.value_of_others(matching);
    if (!is_allowed(values)) continue;
    Dfa keys = unlisted;
    for (size_t i = 0; i < object.pattern_count(); ++i) {
      if ((matching >> i & 1) != 0) {
        STUDIO_TRY(keys, Dfa::both(keys, object.pattern(i)));
      } else {
        STUDIO_TRY(const Dfa unmatched, object.pattern(i).others());
        STUDIO_TRY(keys, Dfa::both(keys, unmatched));
      }
    }
    if (!keys.is_empty()) kinds.push_back(parts_.member(parts_.quoted(keys.json_expr(grammar_)), value_of(values)));
  }
  return grammar_.choice(kinds);
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
        ways.push_back(grammar_.sequence({written == 0 ? member : parts_.next(member), next[then]}));
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
  if (count == 0) return parts_.list(members.other, least, most);
  return grammar_.repeat(parts_.next(members.other), least, most);
}

}  // namespace studio::engine::constrain
