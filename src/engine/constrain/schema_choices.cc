// Choices: branches, conditions, and what must not hold, each as sets of subschemas of which one holds.
#include <algorithm>

#include "engine/constrain/schema.h"
#include "engine/constrain/schema_compiler.h"
#include "engine/constrain/schema_disjoint.h"

namespace studio::engine::constrain {
namespace {

namespace json = boost::json;

// Pairs are compared; real lists of branches have under 30.
constexpr size_t kMaxOneOf = 64;
// Ways to fail one schema that are kept, the first of those that contradict nothing; fewer where more schemas must be
// failed at once, as all ways of one meet all of the others.
constexpr size_t kMaxWays = 16;

SubschemaSet with(SubschemaSet set, const SubschemaSet& more) {
  set.insert(set.end(), more.begin(), more.end());
  return set;
}

}  // namespace

// What holds beside the choice, with each branch in turn.
Result<std::vector<SubschemaSet>> SchemaCompiler::branches_of(const SchemaFacts& facts) {
  const auto [index, part] = *facts.choice;
  if (part == Subschema::kNot) return branches_of_not(facts, index);
  SubschemaSet base = facts.members;
  base[index].parts_read |= part;
  if (part == Subschema::kIf) return branches_of_if(facts, base, index);
  const bool is_one_of = part == Subschema::kOneOf;
  const std::string_view key = is_one_of ? "oneOf" : "anyOf";
  const json::value& value = *facts.members[index].value->get_object().if_contains(key);
  const Subschema list = facts.members[index].at(value, key);
  if (!value.is_array() || value.get_array().empty()) {
    return schema_error(Code::kInvalidArgument, list.pointer, "must list at least one schema");
  }
  SubschemaSet listed;
  for (size_t i = 0; i < value.get_array().size(); ++i) {
    listed.push_back(list.at(value.get_array()[i], i));
  }
  STUDIO_CHECK_OK(reader_.spend(listed.size() * base.size(), list.pointer));
  std::vector<SubschemaSet> branches;
  for (const Subschema& each : listed) branches.push_back(with(base, {each}));
  if (is_one_of) STUDIO_CHECK_OK(exclude_others(list, listed, branches));
  return branches;
}

// Each branch without what satisfies another one, where they are not apart anyway.
Status SchemaCompiler::exclude_others(const Subschema& list, const SubschemaSet& listed,
                                      std::vector<SubschemaSet>& branches) {
  if (branches.size() > kMaxOneOf) {
    return schema_error(Code::kUnimplemented, list.pointer,
                        "more than " + std::to_string(kMaxOneOf) + " branches cannot be told apart");
  }
  std::vector<SchemaFacts> written, widest;
  for (const SubschemaSet& branch : branches) {
    STUDIO_TRY(SchemaFacts of_branch, reader_.read(branch));
    written.push_back(std::move(of_branch));
    STUDIO_TRY(SchemaFacts all_of_branch, reader_.read(branch, Meaning::kWidest));
    widest.push_back(std::move(all_of_branch));
  }
  for (size_t i = 0; i < branches.size(); ++i) {
    for (size_t j = 0; j < branches.size(); ++j) {
      if (i == j) continue;
      STUDIO_TRY(const bool is_apart, are_disjoint(reader_, written[i], widest[j]));
      if (!is_apart) branches[i].push_back(listed[j].negated());
    }
  }
  return Ok{};
}

Result<std::vector<SubschemaSet>> SchemaCompiler::branches_of_if(const SchemaFacts& facts, const SubschemaSet& base,
                                                                 size_t index) {
  STUDIO_TRY(const SchemaWays::Ways ways, ways_.of_condition(facts.members[index]));
  if (ways.size() < 2) return std::vector<SubschemaSet>{base};
  STUDIO_TRY(const SchemaFacts widest, reader_.read({ways[0][0]}, Meaning::kWidest));
  STUDIO_TRY(const bool never_holds, are_disjoint(reader_, facts, widest));
  if (never_holds) return std::vector<SubschemaSet>{with(base, {ways[1].begin() + 1, ways[1].end()})};
  std::vector<SubschemaSet> branches;
  for (const SubschemaSet& way : ways) {
    SubschemaSet branch = with(base, way);
    STUDIO_TRY(const SchemaFacts of_branch, reader_.read(branch));
    STUDIO_TRY(const bool is_never, is_contradictory(reader_, of_branch));
    if (!is_never) branches.push_back(std::move(branch));
  }
  return branches;
}

Result<std::vector<SubschemaSet>> SchemaCompiler::branches_of_not(const SchemaFacts& facts, size_t index) {
  SubschemaSet base = facts.members;
  Subschema unwanted = base[index];
  base.erase(base.begin() + static_cast<ptrdiff_t>(index));
  unwanted.is_negated = false;
  STUDIO_TRY(const SchemaFacts widest, reader_.read({unwanted}, Meaning::kWidest));
  STUDIO_TRY(const bool is_apart, are_disjoint(reader_, facts, widest));
  if (is_apart) return std::vector<SubschemaSet>{base};
  STUDIO_TRY(const SchemaWays::Ways* ways, ways_.of(unwanted));
  const auto others = static_cast<size_t>(std::ranges::count_if(base, &Subschema::is_negated));
  const size_t most = std::max<size_t>(1, kMaxWays >> std::min<size_t>(others, 4));
  std::vector<SubschemaSet> branches;
  for (const SubschemaSet& way : *ways) {
    SubschemaSet branch = with(base, way);
    STUDIO_TRY(const SchemaFacts of_branch, reader_.read(branch));
    STUDIO_TRY(const bool is_never, is_contradictory(reader_, of_branch));
    if (!is_never) branches.push_back(std::move(branch));
    if (branches.size() == most) break;
  }
  return branches;
}

}  // namespace studio::engine::constrain
