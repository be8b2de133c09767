#include "engine/constrain/schema_facts.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "engine/constrain/schema.h"

namespace studio::engine::constrain {
namespace {

namespace json = boost::json;

// Each doubles the ways to choose from; past it all of them are taken together.
constexpr size_t kMaxDependencies = 5;

// Of the patterns that are kept: 8 MB at most, and hundreds of real ones.
constexpr size_t kMaxKeptStates = 2 * Dfa::kMaxStates;

using Key = std::tuple<const json::value*, uint8_t, bool>;

bool insert(std::vector<Key>& keys, const Subschema& member) {
  const Key key(member.value, member.parts_read, member.is_negated);
  if (std::ranges::find(keys, key) != keys.end()) return false;
  keys.push_back(key);
  return true;
}

bool is_above(const Sized& sized) {
  return sized.max && sized.min > *sized.max;
}

}  // namespace

Error schema_error(Code code, const Pointer& at, const std::string& what) {
  return Error(code, at.text() + ": " + what).with_param(at.text());
}

Error schema_error(const Error& error, const Pointer& at) {
  return schema_error(error.code(), at, error.message());
}

Pointer pointer_of(const SchemaFacts& facts, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    for (const Subschema& member : facts.members) {
      const auto* schema = member.value->if_object();
      if (schema != nullptr && schema->contains(key)) return member.pointer.child(key);
    }
  }
  return facts.members.empty() ? Pointer::root() : facts.members.front().pointer;
}

std::string Pointer::text() const {
  std::vector<const Step*> steps;
  for (const Step* step = step_.get(); step != nullptr && step->above != nullptr; step = step->above.get()) {
    steps.push_back(step);
  }
  std::string text = "#";
  for (size_t i = steps.size(); i-- > 0;) {
    text += '/';
    if (steps[i]->index) text += std::to_string(*steps[i]->index);
    for (const char c : steps[i]->key)
      text += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
  }
  return text;
}

Subschema Subschema::negated() const {
  return {.value = value, .pointer = pointer, .is_negated = true};
}

bool is_same(const json::value& a, const json::value& b) {
  if (a.is_int64() && b.is_int64()) return a.get_int64() == b.get_int64();
  if (a.is_number() && b.is_number()) return a.to_number<double>() == b.to_number<double>();
  if (a.is_array() && b.is_array()) return std::ranges::equal(a.get_array(), b.get_array(), is_same);
  if (!a.is_object() || !b.is_object()) return a == b;
  return a.get_object().size() == b.get_object().size() && std::ranges::all_of(a.get_object(), [&](const auto& member) {
           const json::value* other = b.get_object().if_contains(member.key());
           return other != nullptr && is_same(member.value(), *other);
         });
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

Subschema SchemaReader::made(json::value schema, const Pointer& pointer) {
  made_.push_back(std::move(schema));
  return {.value = &made_.back(), .pointer = pointer.of_made()};
}

json::value SchemaReader::reference_to(const Subschema& schema) {
  referred_to_.push_back(schema);
  return json::object{{"$ref", referred_to_.size() - 1}};
}

Result<std::shared_ptr<const Dfa>> SchemaReader::texts_of(const std::string& pattern, const Pointer& at) {
  if (const auto known = patterns_.find(pattern); known != patterns_.end()) return known->second;
  auto made = Dfa::of_pattern(pattern);
  STUDIO_CHECK_OK(spend((made.ok() ? made->state_count() : Dfa::kMaxStates) * kWorkOfAState, at));
  if (!made.ok()) return schema_error(made.error().code(), at, made.error().message());
  kept_states_ += made->state_count();
  if (kept_states_ > kMaxKeptStates) {
    patterns_.clear();
    kept_states_ = made->state_count();
  }
  return patterns_[pattern] = std::make_shared<const Dfa>(*std::move(made));
}

Status SchemaReader::spend(size_t work, const Pointer& at) const {
  work_ += work;
  if (work_ <= kMaxSchemaWork) return Ok{};
  return schema_error(Code::kPayloadTooLarge, at,
                      "the schema takes too much work: too many subschemas meet each other");
}

Result<Subschema> SchemaReader::target_of(const Subschema& member) const {
  const json::value& ref = member.value->get_object().at("$ref");
  if (member.pointer.is_made()) return referred_to_[ref.to_number<size_t>()];
  if (!ref.is_string()) return schema_error(Code::kInvalidArgument, member.pointer.child("$ref"), "must be a string");
  return refs_.resolve(ref.get_string(), member.pointer);
}

// Members that others bring in by $ref and allOf, each once, in an order that the document alone decides: what is
// referred to, then the parts of allOf, then the schema itself. So do the properties of a base come first.
Status SchemaReader::follow(const SubschemaSet& set, Meaning meaning, SchemaFacts& facts) {
  struct Visit {
    Subschema member;
    bool is_followed = false;
  };
  constexpr size_t kKeysOfAUnit = 16;  // searched in the time of another unit of work
  // Few: a list is searched faster than a tree. Kept ones may differ from seen ones by the parts read.
  std::vector<Key> seen, kept;
  std::vector<Visit> pending;
  for (size_t i = set.size(); i-- > 0;) pending.push_back({set[i]});
  while (!pending.empty()) {
    Visit visit = std::move(pending.back());
    pending.pop_back();
    if (visit.is_followed) {
      if (insert(kept, visit.member)) facts.members.push_back(std::move(visit.member));
      continue;
    }
    STUDIO_CHECK_OK(spend(1 + seen.size() / kKeysOfAUnit, visit.member.pointer));
    if (!insert(seen, visit.member)) continue;
    SubschemaSet inner;
    STUDIO_CHECK_OK(follow_ref(visit.member, inner));
    // Before 2019-09 what stands beside a $ref says nothing: it may not be counted on to rule a value out.
    const bool is_replaced =
        meaning == Meaning::kWidest && draft() < Draft::k2019 && (visit.member.parts_read & Subschema::kRef) != 0;
    if (!is_replaced) {
      STUDIO_CHECK_OK(follow_all(visit.member, inner));
      follow_not(visit.member, inner);
      STUDIO_CHECK_OK(follow_dependencies(visit.member, meaning, inner));
      pending.push_back({std::move(visit.member), true});
    }
    for (size_t i = inner.size(); i-- > 0;) pending.push_back({std::move(inner[i])});
  }
  return Ok{};
}

Status SchemaReader::follow_ref(Subschema& member, SubschemaSet& inner) const {
  const auto* schema = member.value->if_object();
  const bool refers = schema != nullptr && schema->contains("$ref");
  if (!refers || member.is_negated || (member.parts_read & Subschema::kRef) != 0) return Ok{};
  STUDIO_TRY(Subschema target, target_of(member));
  inner.push_back(std::move(target));
  member.parts_read |= Subschema::kRef;
  return Ok{};
}

Status SchemaReader::follow_all(Subschema& member, SubschemaSet& inner) const {
  const auto* schema = member.value->if_object();
  const json::value* all = schema != nullptr ? schema->if_contains("allOf") : nullptr;
  if (all == nullptr || member.is_negated || (member.parts_read & Subschema::kAllOf) != 0) return Ok{};
  const Subschema list = member.at(*all, "allOf");
  if (!all->is_array()) return schema_error(Code::kInvalidArgument, list.pointer, "must be a list of schemas");
  for (size_t i = 0; i < all->get_array().size(); ++i) {
    inner.push_back(list.at(all->get_array()[i], i));
  }
  member.parts_read |= Subschema::kAllOf;
  return Ok{};
}

void SchemaReader::follow_not(Subschema& member, SubschemaSet& inner) const {
  const auto* schema = member.value->if_object();
  const json::value* no = schema != nullptr ? schema->if_contains("not") : nullptr;
  if (no == nullptr || member.is_negated || (member.parts_read & Subschema::kNot) != 0) return;
  inner.push_back(member.at(*no, "not").negated());
  member.parts_read |= Subschema::kNot;
}

// "With a also b" is "without a, or with b".
Status SchemaReader::follow_dependencies(Subschema& member, Meaning meaning, SubschemaSet& inner) {
  const auto* schema = member.value->if_object();
  if (schema == nullptr || member.is_negated || (member.parts_read & Subschema::kDepends) != 0) return Ok{};
  const bool has_later = schema->contains("dependentRequired") || schema->contains("dependentSchemas");
  if (!has_later && !schema->contains("dependencies")) return Ok{};
  if (has_later && meaning == Meaning::kWidest && !knows("dependentRequired")) return Ok{};
  member.parts_read |= Subschema::kDepends;
  auto known = dependencies_.find(member.value);
  if (known == dependencies_.end()) {
    STUDIO_TRY(const std::vector<Dependency> all, dependencies_of(member));
    const size_t together = all.size() > kMaxDependencies ? all.size() : 1;
    SubschemaSet made_of;
    for (size_t i = 0; i < all.size(); i += together) {
      json::object none;
      json::array asked;
      for (size_t j = i; j < i + together; ++j) {
        none[all[j].first] = false;
        asked.push_back(reference_to(all[j].second));
      }
      json::array ways;
      ways.push_back(json::object{{"properties", none}});
      ways.push_back(json::object{{"allOf", asked}});
      made_of.push_back(made(json::object{{"anyOf", ways}}, all[i].second.pointer));
    }
    known = dependencies_.emplace(member.value, std::move(made_of)).first;
  }
  inner.insert(inner.end(), known->second.begin(), known->second.end());
  return Ok{};
}

Result<std::vector<SchemaReader::Dependency>> SchemaReader::dependencies_of(const Subschema& member) {
  std::vector<Dependency> all;
  for (const std::string_view key : {"dependencies", "dependentRequired", "dependentSchemas"}) {
    const json::value* listed = member.value->get_object().if_contains(key);
    if (listed == nullptr) continue;
    const Subschema here = member.at(*listed, key);
    if (!listed->is_object()) return schema_error(Code::kInvalidArgument, here.pointer, "must be an object");
    for (const auto& [name, asks] : listed->get_object()) {
      Subschema schema = here.at(asks, name);
      if (asks.is_string()) schema = made(json::object{{"required", json::array{asks}}}, schema.pointer);  // draft 3
      if (asks.is_array()) schema = made(json::object{{"required", asks}}, schema.pointer);
      all.emplace_back(name, std::move(schema));
    }
  }
  return all;
}

Result<SchemaFacts> SchemaReader::read(const SubschemaSet& set, Meaning meaning) {
  SchemaFacts facts;
  STUDIO_CHECK_OK(follow(set, meaning, facts));
  for (const Subschema& member : facts.members) STUDIO_CHECK_OK(read_member(member, meaning, facts));
  if (is_above(facts.items)) facts.types &= static_cast<uint8_t>(~kArrayType);
  if (is_above(facts.chars)) facts.types &= static_cast<uint8_t>(~kStringType);
  if (is_above(facts.properties)) facts.types &= static_cast<uint8_t>(~kObjectType);
  std::erase_if(facts.no_values, [&](const json::value* value) {
    if (value->is_null()) facts.types &= static_cast<uint8_t>(~kNullType);
    return value->is_null();
  });
  facts.is_never |= facts.types == 0;
  find_choice(facts);
  return facts;
}

// What narrows most comes first: branches, then conditions, then what must not hold.
void SchemaReader::find_choice(SchemaFacts& facts) const {
  const auto first_with = [&](std::string_view key, Subschema::Part part) {
    for (size_t i = 0; i < facts.members.size() && !facts.choice; ++i) {
      const Subschema& member = facts.members[i];
      const auto* schema = member.value->if_object();
      if (schema == nullptr || member.is_negated || (member.parts_read & part) != 0) continue;
      if (schema->contains(key)) facts.choice = {i, part};
    }
  };
  first_with("anyOf", Subschema::kAnyOf);
  first_with("oneOf", Subschema::kOneOf);
  first_with("if", Subschema::kIf);
  for (size_t i = 0; i < facts.members.size() && !facts.choice; ++i) {
    SchemaFacts unused;
    if (facts.members[i].is_negated && !read_negated(facts.members[i], unused)) facts.choice = {i, Subschema::kNot};
  }
}

Result<ValueTest> ValueTest::of(const SchemaFacts& facts, SchemaReader& reader) {
  ValueTest made(facts);
  for (const auto& [pattern, at, of_listed] : facts.patterns) {
    STUDIO_TRY(auto texts, reader.texts_of(of_listed.empty() ? pattern : std::string(of_listed), at));
    made.patterns_.push_back(std::move(texts));
  }
  for (const TextPattern& no : facts.no_patterns) {
    STUDIO_TRY(auto texts, reader.texts_of(no.text, no.at));
    made.no_patterns_.push_back(std::move(texts));
  }
  return made;
}

bool ValueTest::holds(const json::value& value) const {
  const TypeBit type = type_of(value);
  if ((facts_->types & type) == 0) return false;
  if (std::ranges::any_of(facts_->no_values, [&](const json::value* no) { return is_same(*no, value); })) return false;
  if (type == kIntegerType || type == kFractionType) {
    const double number = value.to_number<double>();
    const auto& [low, high, divisor, decimals] = facts_->numbers;
    if (low && (low->is_exclusive ? number <= low->value : number < low->value)) return false;
    if (high && (high->is_exclusive ? number >= high->value : number > high->value)) return false;
    if (divisor == 0) return true;
    const double times = number * std::pow(10, decimals) / static_cast<double>(divisor);
    return std::fabs(times - std::round(times)) < 1e-9 * std::max(1.0, std::fabs(times));
  }
  return type != kStringType || holds_of_text(value.get_string());
}

bool ValueTest::holds_of_text(std::string_view text) const {
  const auto chars = std::ranges::count_if(text, [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; });
  if (chars < facts_->chars.min || (facts_->chars.max && chars > *facts_->chars.max)) return false;
  const auto matches = [&](const auto& pattern) { return pattern->matches(text); };
  return std::ranges::all_of(patterns_, matches) && std::ranges::none_of(no_patterns_, matches);
}

}  // namespace studio::engine::constrain
