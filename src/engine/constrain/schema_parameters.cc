// The coder's form: the members of the root as parameters, values as parameter_text.h has them.
#include <algorithm>
#include <set>

#include "engine/constrain/other_keys.h"
#include "engine/constrain/schema.h"
#include "engine/constrain/schema_compiler.h"

namespace studio::engine::constrain {
namespace {

constexpr uint8_t kNumberTypes = kIntegerType | kFractionType;
constexpr std::string_view kNameEnds = ">\n";  // not in names that the schema does not list

}  // namespace

Result<RuleId> SchemaCompiler::run_parameters() {
  STUDIO_TRY(parameter_types_, parameter_types());
  return run(kParameters);
}

// Parameters are read by their names, before it is known which branch holds: so all branches know all names, and one
// name has the types of all branches.
Result<ParameterTypes> SchemaCompiler::parameter_types() {
  std::vector<SchemaFacts> objects;
  const SubschemaSet root = {{.value = &root_, .pointer = Pointer::root()}};
  STUDIO_CHECK_OK(for_each_way(root, [&objects](SchemaFacts facts) -> Status {
    if ((facts.types & kObjectType) == 0) return Ok{};
    if (facts.values) {
      return schema_error(Code::kUnimplemented, facts.values_at,
                          "listed arguments cannot be enforced in the form in which this model calls functions");
    }
    objects.push_back(std::move(facts));
    return Ok{};
  }));
  if (objects.empty()) {
    return schema_error(Code::kInvalidArgument, Pointer::root(), "must allow an object, as arguments are one");
  }
  for (const SchemaFacts& facts : objects) STUDIO_CHECK_OK(add_parameter_names(facts));
  ParameterTypes types{.named = {}, .others = 0};
  for (const std::string& name : parameter_names_) types.named.emplace(name, 0);
  for (const SchemaFacts& facts : objects) STUDIO_CHECK_OK(add_parameter_types(facts, types));
  return types;
}

Status SchemaCompiler::add_parameter_names(const SchemaFacts& facts) {
  STUDIO_TRY(ObjectFacts object, ObjectFacts::read(facts, reader_));
  STUDIO_TRY(const std::optional<Dfa> allowed, names_of(object));
  for (const std::string& name : object.names()) {
    if (name.find(kParameterNameEnd) != std::string::npos) {
      const SubschemaSet values = object.value_of(name);
      return schema_error(Code::kUnimplemented,
                          values.empty() ? pointer_of(facts, {"required"}) : values.front().pointer,
                          "the name cannot be written in the form in which this model calls functions");
    }
    if (known_parameters_.insert(name).second) parameter_names_.push_back(name);
  }
  return Ok{};
}

Status SchemaCompiler::add_parameter_types(const SchemaFacts& facts, ParameterTypes& types) {
  STUDIO_TRY(ObjectFacts object, ObjectFacts::read(facts, reader_));
  STUDIO_TRY(const std::optional<Dfa> allowed, names_of(object));
  STUDIO_CHECK_OK(add_known_names(object));
  for (const std::string& name : object.names()) {
    if (allowed && !allowed->matches(name)) continue;
    STUDIO_TRY(const uint8_t of_name, types_of(object.value_of(name)));
    types.named[name] |= of_name;
  }
  STUDIO_TRY(const std::vector<OtherKeys> others, other_keys(object, allowed));
  for (const OtherKeys& keys : others) {
    STUDIO_TRY(const uint8_t of_others, types_of(keys.values));
    types.others |= of_others;
  }
  return Ok{};
}

Status SchemaCompiler::add_known_names(ObjectFacts& object) {
  STUDIO_CHECK_OK(reader_.spend(parameter_names_.size(), Pointer::root()));
  for (const std::string& name : parameter_names_) STUDIO_CHECK_OK(object.add_name(name, Pointer::root()));
  return Ok{};
}

// What a value may be that satisfies the set.
Result<uint8_t> SchemaCompiler::types_of(const SubschemaSet& set) {
  if (set.empty()) return uint8_t{kAllTypes};
  const auto [known, is_new] = types_of_.try_emplace(key_of(set, kJson), 0);
  if (!is_new) return known->second;
  uint8_t types = 0;
  STUDIO_CHECK_OK(for_each_way(set, [&](const SchemaFacts& facts) -> Status {
    if (!facts.values) types |= facts.types;
    if (!facts.values) return Ok{};
    STUDIO_TRY(const ValueTest test, ValueTest::of(facts, reader_));
    for (const boost::json::value* value : *facts.values) {
      if (test.holds(*value)) types |= type_of(*value);
    }
    return Ok{};
  }));
  if ((types & kNumberTypes) != 0) types |= kNumberTypes;
  return known->second = types;
}

// Of each way to satisfy the set that has nothing left to choose, the facts.
Status SchemaCompiler::for_each_way(const SubschemaSet& set, const std::function<Status(SchemaFacts)>& visit) {
  std::set<Key> seen;
  std::vector<SubschemaSet> pending = {set};
  while (!pending.empty()) {
    const SubschemaSet way = std::move(pending.back());
    pending.pop_back();
    if (!seen.insert(key_of(way, kJson)).second) continue;
    STUDIO_TRY(SchemaFacts facts, reader_.read(way));
    members_of_ways_ += way.size() + facts.members.size();
    if (++ways_read_ > kMaxSchemaRules || members_of_ways_ > kMaxHeldMembers) {
      return schema_error(Code::kPayloadTooLarge, set.front().pointer, "has too many branches");
    }
    if (facts.is_never) continue;
    if (!facts.choice) {
      STUDIO_CHECK_OK(visit(std::move(facts)));
      continue;
    }
    STUDIO_TRY(std::vector<SubschemaSet> branches, branches_of(facts));
    for (size_t i = branches.size(); i-- > 0;) pending.push_back(std::move(branches[i]));
  }
  return Ok{};
}

Result<ExprId> SchemaCompiler::build_parameters(const SchemaFacts& facts) {
  if ((facts.types & kObjectType) == 0) return grammar_.nothing();
  return build_members(facts, kParameters);
}

Result<ExprId> SchemaCompiler::other_name(const OtherKeys& others, const ObjectFacts& object) {
  if (!others.keys) return names_other_than(grammar_, object.names(), kNameEnds);
  STUDIO_TRY(const Dfa writable, Dfa::of_pattern("^[^>\\n]*$"));
  STUDIO_TRY(const Dfa names, Dfa::both(writable, *others.keys));
  return names.raw_expr(grammar_);
}

ExprId SchemaCompiler::parameter(ExprId name, const SubschemaSet& values, uint8_t types) {
  const ExprId value = value_of(values, (types & kStringType) != 0 ? types : kJson);
  return grammar_.sequence({grammar_.literal(kParameterOpen), name, grammar_.literal(kParameterNameEnd), value,
                            grammar_.literal("\n" + std::string(kParameterClose) + "\n")});
}

Result<ExprId> SchemaCompiler::build_written(const SchemaFacts& facts, uint8_t types) {
  SchemaFacts others = facts;
  others.types &= static_cast<uint8_t>(~kStringType);
  STUDIO_TRY(const ExprId json, build_of_types(others));
  if ((facts.types & kStringType) == 0) return json;
  STUDIO_TRY(const ExprId text, build_text(facts, types));
  return grammar_.choice({text, json});
}

Result<ExprId> SchemaCompiler::build_text(const SchemaFacts& facts, uint8_t types) {
  const bool has_excluded = std::ranges::any_of(facts.no_values, [](const auto* no) { return no->is_string(); });
  if (!facts.values && facts.patterns.empty() && facts.no_patterns.empty() && !has_excluded) {
    return text_of_length({types, as_count(facts.chars.min), as_limit(facts.chars.max)});
  }
  STUDIO_TRY(const auto writable, writable_texts(types));
  STUDIO_TRY(const Dfa texts, texts_of(facts, writable.get()));
  return texts.raw_expr(grammar_);
}

Result<ExprId> SchemaCompiler::text_of_length(const TextKind& kind) {
  const auto [known, is_new] = texts_of_length_.try_emplace(kind, grammar_.nothing());
  if (!is_new) return known->second;
  const auto& [types, min, max] = kind;
  STUDIO_TRY(known->second, texts_of_length(grammar_, min, max, types));
  return known->second;
}

// Of a parameter of which nothing is said.
Result<ExprId> SchemaCompiler::build_any_written(uint8_t types) {
  STUDIO_TRY(const ExprId text, text_of_length({types, 0, kNoLimit}));
  return grammar_.choice({text, parts_.any_object(), parts_.array(parts_.list(parts_.any_value(), 0, kNoLimit)),
                          parts_.number(), parts_.boolean(), parts_.null()});
}

Result<RuleId> add_parameters(Grammar& grammar, JsonParts& parts, const boost::json::value& schema) {
  return SchemaCompiler(grammar, parts, schema).run_parameters();
}

Result<ParameterTypes> parameter_types(const boost::json::value& schema) {
  Grammar grammar;
  JsonParts parts(grammar, Whitespace::kNone);
  return SchemaCompiler(grammar, parts, schema).parameter_types();
}

}  // namespace studio::engine::constrain
