// What subschemas that hold at once say of an object's members.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "engine/constrain/dfa.h"
#include "engine/constrain/schema_facts.h"

namespace studio::engine::constrain {

// Of all that hold at once. Real schemas have under 20.
inline constexpr size_t kMaxKeyPatterns = 32;
// Sets of patterns that a key can match at once: those of real schemas hardly overlap.
inline constexpr size_t kMaxKeyKinds = 48;
inline constexpr size_t kMaxKeyStates = 2 * Dfa::kMaxStates;  // of all of them: 8 MB at most

class ObjectFacts {
 public:
  // Errors: invalid_argument and unimplemented with the pointer of properties, required or a pattern.
  static Result<ObjectFacts> read(const SchemaFacts& facts, SchemaReader& reader);

  // Names in the order of `properties`, then those that are only required.
  const std::vector<std::string>& names() const { return names_; }
  // Errors: payload_too_large for a name past kMaxNameBytes.
  Status add_name(std::string_view name, const Pointer& at);
  bool is_required(std::string_view name) const;
  const std::vector<std::string>& required() const { return required_; }
  // What a member of that name must satisfy, whether it is listed or not.
  SubschemaSet value_of(std::string_view name) const;
  // The name may not be there.
  bool forbids(std::string_view name) const;

  size_t pattern_count() const { return patterns_.size(); }
  const Dfa& pattern(size_t i) const { return *patterns_[i].keys; }
  // What every name must satisfy.
  const SubschemaSet& of_names() const { return of_names_; }
  // What a member must satisfy whose name is not listed and matches these patterns alone (bit i: pattern i).
  SubschemaSet value_of_others(uint32_t patterns) const;

 private:
  struct Pattern {
    std::string text;
    std::shared_ptr<const Dfa> keys;
  };
  struct Member {
    Subschema schema;
    const boost::json::object* properties = nullptr;
    std::vector<std::pair<size_t, Subschema>> patterns;  // which, and what its values satisfy
    const boost::json::value* additional = nullptr;
  };
  Status read_member(const Subschema& schema, SchemaReader& reader);
  Status read_patterns(const boost::json::value& value, SchemaReader& reader, Member& member);
  Status read_required(const boost::json::value& value, const Pointer& at);
  void add_values(const Member& member, uint32_t patterns, bool is_listed, SubschemaSet& values) const;

  std::vector<Member> members_;
  std::vector<std::string> names_, required_;
  std::unordered_set<std::string> known_names_, known_required_;
  std::vector<Pattern> patterns_;
  SubschemaSet of_names_;
};

}  // namespace studio::engine::constrain
