#include "engine/constrain/schema_compiler.h"

#include <algorithm>
#include <limits>

#include "base/json.h"
#include "engine/constrain/dfa.h"
#include "engine/constrain/schema.h"
#include "engine/constrain/schema_disjoint.h"

namespace studio::engine::constrain {
namespace {

namespace json = boost::json;

// Pairs are compared; real lists of branches have under 30.
constexpr size_t kMaxOneOf = 64;

uint32_t as_count(int64_t value) {
  return static_cast<uint32_t>(std::min<int64_t>(value, kNoLimit - 1));
}
uint32_t as_limit(const std::optional<int64_t>& value) {
  return value ? as_count(*value) : kNoLimit;
}

Error within(const Error& error, const std::string& pointer) {
  return schema_error(error.code(), pointer, error.message());
}

}  // namespace

Result<RuleId> SchemaCompiler::run() {
  const ExprId root = value_of({{.value = &root_, .pointer = "#"}});
  while (!pending_.empty()) {
    const auto [rule, set] = std::move(pending_.back());
    pending_.pop_back();
    STUDIO_TRY(const ExprId body, build(set));
    grammar_.define(rule, body);
    if (rules_.size() > kMaxSchemaRules || rules_made_ > kMaxSchemaRules || grammar_.is_too_large()) {
      return schema_error(Code::kPayloadTooLarge, set.front().pointer,
                          "the schema is too large together with what it refers to");
    }
  }
  return grammar_.expr(root).first;
}

// The rule of a set, which is built later: so does recursion end.
ExprId SchemaCompiler::value_of(const SubschemaSet& set) {
  if (set.empty()) return parts_.any_value();
  Key key;
  for (const Subschema& member : set) key.emplace_back(member.value, member.parts_read);
  std::ranges::sort(key);
  key.erase(std::unique(key.begin(), key.end()), key.end());
  const auto [entry, is_new] = rules_.try_emplace(std::move(key), 0);
  if (is_new) {
    entry->second = grammar_.add_rule();
    pending_.emplace_back(entry->second, set);
  }
  return grammar_.rule(entry->second);
}

Result<ExprId> SchemaCompiler::build(const SubschemaSet& set) {
  STUDIO_TRY(const SchemaFacts facts, reader_.read(set));
  if (facts.is_never) return grammar_.nothing();
  if (facts.choice) return build_choice(facts);
  if (facts.values) return build_values(facts);
  std::vector<ExprId> branches;
  if ((facts.types & kNullType) != 0) branches.push_back(parts_.null());
  if ((facts.types & kBooleanType) != 0) branches.push_back(parts_.boolean());
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
    STUDIO_TRY(const ExprId object, build_object(facts));
    branches.push_back(object);
  }
  return grammar_.choice(branches);
}

// What holds beside the choice, with each branch in turn.
Result<ExprId> SchemaCompiler::build_choice(const SchemaFacts& facts) {
  const auto [index, part] = *facts.choice;
  const bool is_one_of = part == Subschema::kOneOf;
  const std::string_view key = is_one_of ? "oneOf" : "anyOf";
  const json::value& value = *facts.members[index].value->get_object().if_contains(key);
  const Subschema list = facts.members[index].at(value, key);
  if (!value.is_array() || value.get_array().empty()) {
    return schema_error(Code::kInvalidArgument, list.pointer, "must list at least one schema");
  }
  SubschemaSet base = facts.members;
  base[index].parts_read |= part;
  std::vector<SubschemaSet> branches;
  std::vector<ExprId> exprs;
  for (size_t i = 0; i < value.get_array().size(); ++i) {
    SubschemaSet branch = base;
    branch.push_back(list.at(value.get_array()[i], std::to_string(i)));
    exprs.push_back(value_of(branch));
    branches.push_back(std::move(branch));
  }
  if (is_one_of) STUDIO_CHECK_OK(check_one_of(list, branches));
  return grammar_.choice(exprs);
}

Status SchemaCompiler::check_one_of(const Subschema& list, const std::vector<SubschemaSet>& branches) {
  if (branches.size() > kMaxOneOf) {
    return schema_error(Code::kUnimplemented, list.pointer,
                        "more than " + std::to_string(kMaxOneOf) + " branches cannot be told apart");
  }
  std::vector<SchemaFacts> facts;
  for (const SubschemaSet& branch : branches) {
    STUDIO_TRY(SchemaFacts of_branch, reader_.read(branch));
    facts.push_back(std::move(of_branch));
  }
  for (size_t i = 0; i < facts.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      STUDIO_TRY(const bool is_apart, are_disjoint(reader_, facts[i], facts[j]));
      if (!is_apart) {
        return schema_error(Code::kUnimplemented, list.pointer,
                            "a value may satisfy both branch " + std::to_string(j) + " and branch " +
                                std::to_string(i) +
                                ", which cannot be ruled out; use anyOf, or tell them apart by a property with const");
      }
    }
  }
  return Ok{};
}

Result<ExprId> SchemaCompiler::build_values(const SchemaFacts& facts) {
  std::vector<std::string> texts;
  for (const json::value* value : *facts.values) {
    STUDIO_TRY(const bool fits, satisfies(facts, *value));
    if (!fits) continue;
    if (value->is_structured() && (facts.members.size() > 1 || facts.has_inner_keywords)) {
      return schema_error(Code::kUnimplemented, facts.values_at,
                          "listed arrays and objects cannot be joined with other schemas");
    }
    texts.push_back(to_json(*value));
  }
  if (texts.empty())
    return schema_error(Code::kInvalidArgument, facts.values_at, "lists no value that the schema allows");
  return grammar_.literals(std::move(texts));
}

Result<ExprId> SchemaCompiler::build_numbers(const SchemaFacts& facts) {
  const NumberRange& range = facts.numbers;
  const bool has_fraction = (facts.types & kFractionType) != 0;
  if (!range.low && !range.high && range.multiple_of == 0) return has_fraction ? parts_.number() : parts_.integer();
  auto made = has_fraction ? decimals_in(grammar_, range) : integers_in(grammar_, range);
  if (!made.ok()) {
    return within(made.error(), facts.members.front().pointer + (range.multiple_of != 0 ? "/multipleOf" : "/minimum"));
  }
  return made;
}

Result<ExprId> SchemaCompiler::build_string(const SchemaFacts& facts) {
  const uint32_t min = as_count(facts.chars.min), max = as_limit(facts.chars.max);
  if (facts.patterns.empty()) return parts_.string(min, max);
  std::optional<Dfa> texts;
  for (const auto& [pattern, at] : facts.patterns) {
    auto made = Dfa::of_pattern(pattern);
    if (made.ok() && texts) made = Dfa::both(*texts, *made);
    if (!made.ok()) return within(made.error(), at);
    texts = *std::move(made);
  }
  const auto longest = texts->max_chars();
  const bool is_long_enough = texts->is_empty() || texts->min_chars() >= min;
  const bool is_short_enough = max == kNoLimit || (longest && *longest <= max);
  if (!is_long_enough || !is_short_enough) {
    auto lengths = Dfa::of_length(min, is_short_enough ? kNoLimit : max);
    if (lengths.ok()) lengths = Dfa::both(*texts, *lengths);
    if (!lengths.ok()) return within(lengths.error(), facts.patterns[0].second);
    texts = *std::move(lengths);
  }
  return parts_.quoted(texts->json_expr(grammar_));
}

Result<ExprId> SchemaCompiler::build_array(const SchemaFacts& facts) {
  // Draft 4 to 2019-09: `items` may be the list, `additionalItems` the rest; since then `prefixItems` and `items`.
  std::vector<SubschemaSet> first;
  std::vector<std::pair<size_t, Subschema>> rest;  // from which place on
  for (const Subschema& member : facts.members) {
    const auto* schema = member.value->if_object();
    if (schema == nullptr) continue;
    const json::value* items = schema->if_contains("items");
    const json::value* prefix = schema->if_contains("prefixItems");
    const bool is_old = items != nullptr && items->is_array();
    if (is_old) prefix = items;
    const Subschema list = member.at(prefix != nullptr ? *prefix : *member.value, is_old ? "items" : "prefixItems");
    size_t listed = 0;
    if (prefix != nullptr) {
      if (!prefix->is_array()) return schema_error(Code::kInvalidArgument, list.pointer, "must be a list of schemas");
      listed = prefix->get_array().size();
      first.resize(std::max(first.size(), listed));
      for (size_t i = 0; i < listed; ++i) first[i].push_back(list.at(prefix->get_array()[i], std::to_string(i)));
    }
    const std::string_view key = is_old ? "additionalItems" : "items";
    if (const json::value* more = schema->if_contains(key)) rest.emplace_back(listed, member.at(*more, key));
  }
  const auto item_at = [&](size_t i) {
    SubschemaSet set = i < first.size() ? first[i] : SubschemaSet();
    for (const auto& [from, schema] : rest) {
      if (i >= from) set.push_back(schema);
    }
    return value_of(set);
  };
  for (const auto& [from, schema] : rest) first.resize(std::max(first.size(), from));
  const uint32_t min = as_count(facts.items.min), max = as_limit(facts.items.max);
  const size_t listed = std::min<size_t>(first.size(), max);
  if (listed == 0) return parts_.array(parts_.list(item_at(first.size()), min, max));
  // From the last listed item to the first: what follows it, commas and all.
  const auto left = [&](uint32_t count) { return count > listed ? count - static_cast<uint32_t>(listed) : 0; };
  ExprId after = grammar_.repeat(parts_.next(item_at(first.size())), left(min), max == kNoLimit ? kNoLimit : left(max));
  for (size_t i = listed; i-- > 0;) {
    const ExprId item = grammar_.sequence({i == 0 ? item_at(0) : parts_.next(item_at(i)), after});
    after = i >= min ? grammar_.optional(item) : item;
  }
  return parts_.array(after);
}

Result<RuleId> add_schema(Grammar& grammar, JsonParts& parts, const json::value& schema) {
  return SchemaCompiler(grammar, parts, schema).run();
}

}  // namespace studio::engine::constrain
