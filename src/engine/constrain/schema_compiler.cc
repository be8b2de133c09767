#include "engine/constrain/schema_compiler.h"

#include <algorithm>

#include "engine/constrain/schema.h"
#include "engine/constrain/schema_disjoint.h"

namespace studio::engine::constrain {
namespace {

namespace json = boost::json;

constexpr uint16_t kNegatedKey = 1u << 15;

}  // namespace

Result<RuleId> SchemaCompiler::run(Style style) {
  const ExprId root = value_of({{.value = &root_, .pointer = Pointer::root()}}, style);
  while (!pending_.empty()) {
    const auto [rule, set, how] = std::move(pending_.back());
    pending_.pop_back();
    STUDIO_TRY(const ExprId body, build(set, how));
    grammar_.define(rule, body);
    if (rules_.size() > kMaxSchemaRules || members_held_ > kMaxHeldMembers || rules_made_ > kMaxSchemaRules ||
        grammar_.is_too_large()) {
      return schema_error(Code::kPayloadTooLarge, set.empty() ? Pointer::root() : set.front().pointer,
                          "the schema is too large together with what it refers to");
    }
  }
  return grammar_.expr(root).first;
}

SchemaCompiler::Key SchemaCompiler::key_of(const SubschemaSet& set, Style style) {
  Key key;
  for (const Subschema& member : set)
    key.emplace_back(member.value, member.parts_read | (member.is_negated ? kNegatedKey : 0));
  std::ranges::sort(key);
  key.erase(std::unique(key.begin(), key.end()), key.end());
  if (style != kJson) key.emplace_back(nullptr, style);
  return key;
}

// The rule of a set, which is built later: so does recursion end.
ExprId SchemaCompiler::value_of(const SubschemaSet& set, Style style) {
  if (set.empty() && style == kJson) return parts_.any_value();
  const auto [entry, is_new] = rules_.try_emplace(key_of(set, style), 0);
  if (is_new) {
    entry->second = grammar_.add_rule();
    pending_.push_back({entry->second, set, style});
    members_held_ += set.size();
  }
  return grammar_.rule(entry->second);
}

ExprId SchemaCompiler::build_boolean(const SchemaFacts& facts) {
  std::vector<ExprId> allowed;
  for (const bool value : {true, false}) {
    const auto is_it = [value](const json::value* no) { return no->is_bool() && no->get_bool() == value; };
    if (std::ranges::none_of(facts.no_values, is_it)) allowed.push_back(grammar_.literal(value ? "true" : "false"));
  }
  return grammar_.choice(allowed);
}

Result<ExprId> SchemaCompiler::build(const SubschemaSet& set, Style style) {
  if (set.empty()) return build_any_written(static_cast<uint8_t>(style));
  STUDIO_TRY(const SchemaFacts facts, reader_.read(set));
  if (facts.is_never) return grammar_.nothing();
  if (facts.choice) {
    STUDIO_TRY(const std::vector<SubschemaSet> ways, branches_of(facts));
    std::vector<ExprId> exprs;
    for (const SubschemaSet& way : ways) exprs.push_back(value_of(way, style));
    return grammar_.choice(exprs);
  }
  if (style == kParameters) return build_parameters(facts);
  return style == kJson ? build_of_types(facts) : build_written(facts, static_cast<uint8_t>(style));
}

Result<ExprId> SchemaCompiler::build_of_types(const SchemaFacts& facts) {
  if (facts.values) return build_values(facts);
  std::vector<ExprId> branches;
  if ((facts.types & kNullType) != 0) branches.push_back(parts_.null());
  if ((facts.types & kBooleanType) != 0) branches.push_back(build_boolean(facts));
  if ((facts.types & (kIntegerType | kFractionType)) != 0) {
    STUDIO_TRY(const ExprId number, build_numbers(facts));
    branches.push_back(number);
  }
  if ((facts.types & kStringType) != 0) {
    STUDIO_TRY(const ExprId string, build_string(facts));
    branches.push_back(string);
  }
  if ((facts.types & kArrayType) != 0) {
    STUDIO_TRY(const ExprId array, build_array(facts));
    branches.push_back(array);
  }
  if ((facts.types & kObjectType) != 0) {
    STUDIO_TRY(const ExprId inside, build_members(facts, kJson));
    branches.push_back(parts_.object(inside));
  }
  return grammar_.choice(branches);
}

Error nothing_left_of(const json::value& schema) {
  size_t work = 0;
  SchemaReader reader(schema, work);
  const auto widest = reader.read({{.value = &schema, .pointer = Pointer::root()}}, Meaning::kWidest);
  const auto is_never = widest.ok() ? is_contradictory(reader, *widest, Meaning::kWidest) : Result<bool>(false);
  if (is_never.ok() && *is_never) return Error(Code::kInvalidArgument, "no text satisfies the schema");
  return Error(Code::kUnimplemented, "no text that satisfies the schema can be enforced");
}

Result<RuleId> add_schema(Grammar& grammar, JsonParts& parts, const json::value& schema) {
  return SchemaCompiler(grammar, parts, schema).run();
}

}  // namespace studio::engine::constrain
