// What several subschemas say together of one value, keyword by keyword.
#pragma once

#include <boost/json/value.hpp>
#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/constrain/number_range.h"

namespace studio::engine::constrain {

enum TypeBit : uint8_t {
  kNullType = 1,
  kBooleanType = 2,
  kIntegerType = 4,
  kFractionType = 8,  // numbers that are no integers
  kStringType = 16,
  kArrayType = 32,
  kObjectType = 64,
  kAllTypes = 127,
};

// A subschema and where it stands. `parts_read` says which of its applicators a set of subschemas already holds.
struct Subschema {
  enum Part : uint8_t { kRef = 1, kAllOf = 2, kAnyOf = 4, kOneOf = 8 };
  const boost::json::value* value = nullptr;
  std::string pointer;
  uint8_t parts_read = 0;

  auto operator<=>(const Subschema& other) const {
    return std::pair(value, parts_read) <=> std::pair(other.value, other.parts_read);
  }
  bool operator==(const Subschema& other) const { return (*this <=> other) == 0; }
  Subschema at(const boost::json::value& inner, std::string_view key) const;
};
// All of them hold.
using SubschemaSet = std::vector<Subschema>;

struct Sized {
  int64_t min = 0;
  std::optional<int64_t> max;
};

struct SchemaFacts {
  SubschemaSet members;   // with $ref and allOf followed
  bool is_never = false;  // the schema `false`
  uint8_t types = kAllTypes;
  bool has_inner_keywords = false;                               // something is said of items or properties
  std::optional<std::vector<const boost::json::value*>> values;  // enum and const
  std::string values_at;
  NumberRange numbers;
  Sized chars, items, properties;
  std::vector<std::pair<std::string, std::string>> patterns;  // a pattern, where it stands
  // An anyOf or oneOf that is still to be chosen from: which member, which part.
  std::optional<std::pair<size_t, Subschema::Part>> choice;
};

class SchemaReader {
 public:
  explicit SchemaReader(const boost::json::value& root) : root_(root) {}

  Result<SchemaFacts> read(const SubschemaSet& set) const;
  // A pointer as in $ref; errors name `at`.
  Result<Subschema> resolve(std::string_view ref, const std::string& at) const;

 private:
  Status follow(const SubschemaSet& set, SchemaFacts& facts) const;
  Status follow_ref(Subschema& member, SubschemaSet& inner) const;
  Status follow_all(Subschema& member, SubschemaSet& inner) const;
  Status read_member(const Subschema& member, SchemaFacts& facts) const;
  Status read_keyword(const Subschema& member, std::string_view key, const boost::json::value& value,
                      SchemaFacts& facts, uint8_t& implied) const;

  const boost::json::value& root_;
};

Error schema_error(Code code, const std::string& pointer, const std::string& what);
std::string pointer_part(std::string_view key);  // ~ and / escaped

// The type of a value; a number that is whole is an integer.
TypeBit type_of(const boost::json::value& value);
// Whether a given value satisfies the facts that are not about members of arrays and objects. Errors: those of
// patterns.
Result<bool> satisfies(const SchemaFacts& facts, const boost::json::value& value);

}  // namespace studio::engine::constrain
