// What subschemas that hold at once say of an array's items.
#pragma once

#include <boost/json/object.hpp>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/constrain/schema_facts.h"

namespace studio::engine::constrain {

// Each is an item with a rule of its own.
inline constexpr int64_t kMaxContained = 64;

class ArrayFacts {
 public:
  // One of them holds: they differ in where that stands which must be contained. Errors: invalid_argument and
  // unimplemented with the pointer of prefixItems, items or minContains.
  static Result<std::vector<ArrayFacts>> read(const SchemaFacts& facts, const SchemaReader& reader);

  Sized items;
  bool is_never = false;
  // Places before which each item has schemas of its own.
  size_t listed() const { return first_.size(); }
  SubschemaSet item_at(size_t i) const;

 private:
  struct Contained {
    Subschema schema;
    int64_t min = 1;
    std::optional<double> max;
  };
  Status read_member(const Subschema& member, const SchemaReader& reader);
  Status read_contains(const Subschema& member, const boost::json::object& schema, bool is_counted);
  size_t needed() const;
  void place_contained(size_t at);
  void exclude_length(int64_t length);

  std::vector<SubschemaSet> first_;
  std::vector<std::pair<size_t, Subschema>> rest_;  // from which place on
  std::vector<Contained> contained_;
};

}  // namespace studio::engine::constrain
