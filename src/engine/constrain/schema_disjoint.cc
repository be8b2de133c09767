#include "engine/constrain/schema_disjoint.h"

#include <algorithm>
#include <tuple>

#include "engine/constrain/schema_objects.h"

namespace studio::engine::constrain {
namespace {

// Of a choice: branches past this are not looked into.
constexpr size_t kMaxBranches = 16;

// Values that are listed are few: each is tried.
Result<bool> listed_are_outside(SchemaReader& reader, const SchemaFacts& listed, const SchemaFacts& other) {
  STUDIO_TRY(const ValueTest of_listed, ValueTest::of(listed, reader));
  STUDIO_TRY(const ValueTest of_other, ValueTest::of(other, reader));
  const auto is_in_other = [&](const boost::json::value* value) {
    if (!of_listed.holds(*value) || !of_other.holds(*value)) return false;
    return !other.values ||
           std::ranges::any_of(*other.values, [&](const auto* each) { return is_same(*each, *value); });
  };
  return std::ranges::none_of(*listed.values, is_in_other);
}

bool is_above(const std::optional<Bound>& low, const std::optional<Bound>& high) {
  if (!low || !high) return false;
  return low->value > high->value || (low->value == high->value && (low->is_exclusive || high->is_exclusive));
}

bool are_apart(const Sized& a, const Sized& b) {
  return (a.max && *a.max < b.min) || (b.max && *b.max < a.min);
}

// One asks for a pattern that no text of the other matches. What takes too many states is not known.
Result<bool> texts_are_disjoint(SchemaReader& reader, const SchemaFacts& a, const SchemaFacts& b) {
  const auto find = [&](const std::vector<TextPattern>& patterns, const std::vector<TextPattern>& others,
                        bool are_excluded) -> Result<bool> {
    for (const TextPattern& pattern : patterns) {
      for (const TextPattern& other : others) {
        STUDIO_CHECK_OK(reader.spend(1, pattern.at));
        auto texts = reader.texts_of(pattern.text, pattern.at), other_texts = reader.texts_of(other.text, other.at);
        if (!texts.ok() || !other_texts.ok()) continue;
        if (pattern.text == other.text && are_excluded) return true;
        auto no_texts = are_excluded ? (*other_texts)->others() : Result<Dfa>(**other_texts);
        if (!no_texts.ok()) continue;
        const auto both = Dfa::both(**texts, *no_texts);
        const size_t states = no_texts->state_count() + (both.ok() ? both->state_count() : Dfa::kMaxStates);
        STUDIO_CHECK_OK(reader.spend(states * kWorkOfAState, pattern.at));
        if (both.ok() && both->is_empty()) return true;
      }
    }
    return false;
  };
  for (const auto& [patterns, others, are_excluded] :
       {std::tuple(&a.patterns, &b.patterns, false), std::tuple(&a.patterns, &b.no_patterns, true),
        std::tuple(&b.patterns, &a.no_patterns, true)}) {
    STUDIO_TRY(const bool are_apart, find(*patterns, *others, are_excluded));
    if (are_apart) return true;
  }
  return false;
}

// A member that one must have and the other may not, or one that both must have with values of their own.
Result<bool> objects_are_disjoint(SchemaReader& reader, const SchemaFacts& a, const SchemaFacts& b, int depth) {
  if (are_apart(a.properties, b.properties)) return true;
  STUDIO_TRY(const ObjectFacts of_a, ObjectFacts::read(a, reader));
  STUDIO_TRY(const ObjectFacts of_b, ObjectFacts::read(b, reader));
  for (const auto& [one, other] : {std::pair(&of_a, &of_b), std::pair(&of_b, &of_a)}) {
    for (const std::string& name : one->required()) {
      if (other->forbids(name)) return true;
    }
  }
  if (depth >= kMaxDisjointDepth) return false;
  // Where one must have it, both say what it is.
  std::vector<std::string> names = of_a.required();
  names.insert(names.end(), of_b.required().begin(), of_b.required().end());
  for (const std::string& name : names) {
    STUDIO_TRY(const SchemaFacts in_a, reader.read(of_a.value_of(name)));
    STUDIO_TRY(const SchemaFacts in_b, reader.read(of_b.value_of(name), Meaning::kWidest));
    STUDIO_TRY(const bool is_apart, are_disjoint(reader, in_a, in_b, depth + 1));
    if (is_apart) return true;
  }
  return false;
}

// Every branch of the choice is apart; `test` tells it of one.
template <typename Test>
Result<bool> all_branches(SchemaReader& reader, const SchemaFacts& facts, Meaning meaning, Test&& test) {
  const auto [index, part] = *facts.choice;
  if (part != Subschema::kAnyOf && part != Subschema::kOneOf) return false;
  const std::string_view key = part == Subschema::kAnyOf ? "anyOf" : "oneOf";
  const auto& list = facts.members[index].value->get_object().at(key);
  if (!list.is_array() || list.get_array().size() > kMaxBranches) return false;
  for (size_t i = 0; i < list.get_array().size(); ++i) {
    SubschemaSet set = facts.members;
    set[index].parts_read |= part;
    set.push_back(facts.members[index].at(list, key).at(list.get_array()[i], i));
    STUDIO_TRY(const SchemaFacts of_branch, reader.read(set, meaning));
    STUDIO_TRY(const bool holds, test(of_branch));
    if (!holds) return false;
  }
  return true;
}

}  // namespace

Result<bool> are_disjoint(SchemaReader& reader, const SchemaFacts& a, const SchemaFacts& b, int depth) {
  if (a.is_never || b.is_never) return true;
  if (depth < kMaxDisjointDepth && b.choice) {
    STUDIO_TRY(const bool are_all, all_branches(reader, b, Meaning::kWidest, [&](const SchemaFacts& branch) {
                 return are_disjoint(reader, a, branch, depth + 1);
               }));
    if (are_all) return true;
  }
  if (depth < kMaxDisjointDepth && a.choice) {
    STUDIO_TRY(const bool are_all, all_branches(reader, a, Meaning::kPolicy, [&](const SchemaFacts& branch) {
                 return are_disjoint(reader, branch, b, depth + 1);
               }));
    if (are_all) return true;
  }
  if (a.values) return listed_are_outside(reader, a, b);
  if (b.values) return listed_are_outside(reader, b, a);
  const uint8_t common = a.types & b.types;
  if ((common & (kNullType | kBooleanType)) != 0) return false;
  if ((common & (kIntegerType | kFractionType)) != 0 && !is_above(a.numbers.low, b.numbers.high) &&
      !is_above(b.numbers.low, a.numbers.high)) {
    return false;
  }
  if ((common & kStringType) != 0 && !are_apart(a.chars, b.chars)) {
    STUDIO_TRY(const bool are_texts_apart, texts_are_disjoint(reader, a, b));
    if (!are_texts_apart) return false;
  }
  if ((common & kArrayType) != 0 && !are_apart(a.items, b.items)) return false;
  if ((common & kObjectType) != 0) return objects_are_disjoint(reader, a, b, depth);
  return true;
}

Result<bool> is_contradictory(SchemaReader& reader, const SchemaFacts& facts, Meaning meaning, int depth) {
  if (facts.is_never) return true;
  if (meaning == Meaning::kWidest && facts.choice && depth < kMaxDisjointDepth) {
    STUDIO_TRY(const bool are_all, all_branches(reader, facts, meaning, [&](const SchemaFacts& branch) {
                 return is_contradictory(reader, branch, meaning, depth + 1);
               }));
    if (are_all) return true;
  }
  if (facts.values) {
    STUDIO_TRY(const ValueTest test, ValueTest::of(facts, reader));
    return std::ranges::none_of(*facts.values, [&](const auto* value) { return test.holds(*value); });
  }
  if ((facts.types & ~(kIntegerType | kFractionType)) == 0) return is_above(facts.numbers.low, facts.numbers.high);
  if (facts.types != kObjectType || depth >= kMaxDisjointDepth) return false;
  STUDIO_TRY(const ObjectFacts object, ObjectFacts::read(facts, reader));
  for (const std::string& name : object.required()) {
    const SubschemaSet values = object.value_of(name);
    if (values.empty()) continue;
    STUDIO_TRY(const SchemaFacts of_value, reader.read(values, meaning));
    STUDIO_TRY(const bool is_never, is_contradictory(reader, of_value, meaning, depth + 1));
    if (is_never) return true;
  }
  return false;
}

}  // namespace studio::engine::constrain
