// The ways in which a value can fail a schema: what turns `not`, `else` and an exclusive `oneOf` into choices.
//
// A schema is failed by failing one of its keywords, and most keywords have an opposite that is a schema again. The
// ways together may be a part of all there are (of a format, of additionalProperties there is none), and they may
// overlap; whatever satisfies one of them does not satisfy the schema.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/constrain/schema_facts.h"

namespace studio::engine::constrain {

// Of one schema that are kept: some sixteen are used (schema_choices.cc), and lists of lists multiply them.
inline constexpr size_t kMaxFoundWays = 256;

class SchemaWays {
 public:
  using Ways = std::vector<SubschemaSet>;
  explicit SchemaWays(SchemaReader& reader) : reader_(reader) {}

  // Of a negated member. None where every value satisfies it. Errors: unimplemented where no way is known.
  Result<const Ways*> of(const Subschema& member);
  // Of an `if`: it holds and `then`, or it does not and `else`.
  Result<Ways> of_condition(const Subschema& member) const;

 private:
  struct Found {
    Ways ways;
    bool leaves_out = false;  // some of the ways are not among them
  };
  Result<Found> find(const Subschema& member);
  Status add_of_schema(const Subschema& member, const boost::json::object& schema, Found& found);
  Status add_of(const Subschema& schema, std::string_view key, const boost::json::value& value, Found& found);
  Status add_of_list(const Subschema& list, Found& found);
  void add_of_properties(const Subschema& properties, Found& found);
  void add_of_amount(const Subschema& schema, std::string_view key, const boost::json::value& value, Found& found);
  void add(boost::json::object way, const Subschema& at, Found& found);
  boost::json::value not_of(const Subschema& schema);

  SchemaReader& reader_;
  std::map<const boost::json::value*, Found> known_;
  std::vector<const boost::json::value*> under_way_;
};

}  // namespace studio::engine::constrain
