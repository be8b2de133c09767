// What several subschemas say together of one value, keyword by keyword.
#pragma once

#include <algorithm>
#include <boost/json/value.hpp>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/constrain/dfa.h"
#include "engine/constrain/number_range.h"
#include "engine/constrain/schema_refs.h"
#include "engine/constrain/schema_types.h"

namespace studio::engine::constrain {

struct Sized {
  int64_t min = 0;
  std::optional<int64_t> max;
};

// What facts are read for.
enum class Meaning : uint8_t {
  kPolicy,  // to write values: as the policies of schema.h have it, a part of what the schema allows
  kWidest,  // to tell what does not satisfy it: all that the schema allows, and perhaps more
};

// What a text must match, or may not.
struct TextPattern {
  std::string text;
  Pointer at;
  std::string_view of_listed = {};  // that holds for values that are listed; empty: the same
};

struct SchemaFacts {
  SubschemaSet members;   // with $ref and allOf followed
  bool is_never = false;  // the schema `false`
  uint8_t types = kAllTypes;
  bool has_inner_keywords = false;                               // something is said of items or properties
  std::optional<std::vector<const boost::json::value*>> values;  // enum and const
  Pointer values_at;
  NumberRange numbers;
  Sized chars, items, properties;
  bool items_differ = false;
  std::vector<TextPattern> patterns, no_patterns;    // those that match, and those that may not
  std::vector<const boost::json::value*> no_values;  // not these
  // Something that is still to be chosen: which member, which part (kNot: a negated member).
  std::optional<std::pair<size_t, Subschema::Part>> choice;
};

inline constexpr size_t kWorkOfAState = 16;  // of a pattern: its successors, by classes of bytes

// Of the first of the keywords that one of the members has; the place of the first member where none has one.
Pointer pointer_of(const SchemaFacts& facts, std::initializer_list<std::string_view> keys);

class SchemaReader {
 public:
  // `work` counts what is spent, also by readers before this one.
  SchemaReader(const boost::json::value& root, size_t& work) : refs_(root), work_(work) {}

  // Counts work that was done or is about to be. Errors: payload_too_large past kMaxSchemaWork, named `at`.
  Status spend(size_t work, const Pointer& at) const;

  Result<SchemaFacts> read(const SubschemaSet& set, Meaning meaning = Meaning::kPolicy);
  // What the $ref of a member refers to.
  Result<Subschema> target_of(const Subschema& member) const;
  // A schema that stands in no document; `pointer` is named in errors, whatever is inside of it.
  Subschema made(boost::json::value schema, const Pointer& pointer);
  // What stands for a subschema inside of such a schema: no copy, which would be named, and refer, otherwise.
  boost::json::value reference_to(const Subschema& schema);
  Draft draft() const { return refs_.draft(); }
  // The schema's draft has it; where it does not, the keyword says nothing. Many write `const` and `if` all the same:
  // what only narrows is held to, but never counted on to rule a value out.
  bool knows(std::string_view key) const { return draft() == Draft::kUnknown || draft() >= first_draft_with(key); }
  // The texts that match a pattern, each compiled once. Errors name `at`.
  Result<std::shared_ptr<const Dfa>> texts_of(const std::string& pattern, const Pointer& at);

 private:
  // schema_facts.cc
  Status follow(const SubschemaSet& set, Meaning meaning, SchemaFacts& facts);
  Status follow_ref(Subschema& member, SubschemaSet& inner) const;
  Status follow_all(Subschema& member, SubschemaSet& inner) const;
  void follow_not(Subschema& member, SubschemaSet& inner) const;
  Status follow_dependencies(Subschema& member, Meaning meaning, SubschemaSet& inner);
  using Dependency = std::pair<std::string, Subschema>;  // a name, and what holds where it is there
  Result<std::vector<Dependency>> dependencies_of(const Subschema& member);
  void find_choice(SchemaFacts& facts) const;

  // schema_keywords.cc
  Status read_member(const Subschema& member, Meaning meaning, SchemaFacts& facts) const;
  bool read_negated(const Subschema& member, SchemaFacts& facts) const;
  Status read_keyword(const Subschema& member, std::string_view key, const boost::json::value& value, Meaning meaning,
                      SchemaFacts& facts, uint8_t& implied) const;

  SchemaRefs refs_;
  std::deque<boost::json::value> made_;
  std::vector<Subschema> referred_to_;                              // by what is made
  std::map<const boost::json::value*, SubschemaSet> dependencies_;  // of a schema: what they say
  std::map<std::string, std::shared_ptr<const Dfa>> patterns_;
  size_t kept_states_ = 0;
  size_t& work_;
};

// As a repeat has it.
inline uint32_t as_count(int64_t value) {
  return static_cast<uint32_t>(std::min<int64_t>(value, kNoLimit - 1));
}
inline uint32_t as_limit(const std::optional<int64_t>& value) {
  return value ? as_count(*value) : kNoLimit;
}

// 1 and 1.0 are one value.
bool is_same(const boost::json::value& a, const boost::json::value& b);
// The type of a value; a number that is whole is an integer.
TypeBit type_of(const boost::json::value& value);

// Whether given values satisfy the facts that are not about members of arrays and objects.
class ValueTest {
 public:
  // Errors: those of patterns. `facts` must outlive it.
  static Result<ValueTest> of(const SchemaFacts& facts, SchemaReader& reader);
  bool holds(const boost::json::value& value) const;

 private:
  explicit ValueTest(const SchemaFacts& facts) : facts_(&facts) {}
  bool holds_of_text(std::string_view text) const;

  const SchemaFacts* facts_;
  std::vector<std::shared_ptr<const Dfa>> patterns_, no_patterns_;
};

}  // namespace studio::engine::constrain
