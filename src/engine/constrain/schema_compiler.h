// One rule per set of subschemas that hold at once, made when it is first needed.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/constrain/grammar.h"
#include "engine/constrain/json_parts.h"
#include "engine/constrain/schema_arrays.h"
#include "engine/constrain/schema_facts.h"
#include "engine/constrain/schema_objects.h"
#include "engine/constrain/schema_ways.h"

namespace studio::engine::constrain {

class SchemaCompiler {
 public:
  SchemaCompiler(Grammar& grammar, JsonParts& parts, const boost::json::value& root)
      : grammar_(grammar), parts_(parts), root_(root), reader_(root), ways_(reader_) {}

  Result<RuleId> run();

 private:
  // schema_compiler.cc
  ExprId value_of(const SubschemaSet& set);
  Result<ExprId> build(const SubschemaSet& set);
  ExprId build_boolean(const SchemaFacts& facts);

  // schema_choices.cc
  Result<std::vector<SubschemaSet>> branches_of(const SchemaFacts& facts);
  Status exclude_others(const Subschema& list, const SubschemaSet& listed, std::vector<SubschemaSet>& branches);
  Result<std::vector<SubschemaSet>> branches_of_if(const SchemaFacts& facts, const SubschemaSet& base, size_t index);
  Result<std::vector<SubschemaSet>> branches_of_not(const SchemaFacts& facts, size_t index);

  // schema_values.cc
  Result<ExprId> build_values(const SchemaFacts& facts);
  Result<ExprId> build_numbers(const SchemaFacts& facts);
  Result<ExprId> numbers_in(const SchemaFacts& facts, const NumberRange& range);
  Result<ExprId> build_string(const SchemaFacts& facts);
  Result<Dfa> texts_of(const SchemaFacts& facts);
  static Result<Dfa> with_length(const Dfa& texts, uint32_t min, uint32_t max, const Pointer& at);

  // schema_arrays.cc
  Result<ExprId> build_array(const SchemaFacts& facts);
  Result<ExprId> build_layout(const ArrayFacts& array, const SchemaFacts& facts);
  Result<ExprId> build_different_items(const ArrayFacts& array, const SchemaFacts& facts);
  Result<bool> list_values(const SubschemaSet& set, std::vector<const boost::json::value*>& values, int depth);

  // schema_members.cc
  struct Members {
    struct Named {
      ExprId member;
      bool is_required;
    };
    std::vector<Named> named;
    ExprId other = 0;           // any member that is not named; nothing() where there is none
    int64_t min = 0, max = -1;  // members in all; -1: no limit
    uint32_t counted_to = 1;    // further counts are as good as this one
  };
  Result<ExprId> build_object(const SchemaFacts& facts);
  Result<std::optional<Dfa>> names_of(ObjectFacts& object);
  using KeyKinds = std::vector<std::pair<uint32_t, Dfa>>;  // which patterns match (bit i: pattern i), the keys
  Result<ExprId> other_members(const ObjectFacts& object, const std::optional<Dfa>& allowed_names);
  static Result<KeyKinds> cut_by(const Dfa& pattern, size_t index, const KeyKinds& kinds);
  Result<ExprId> ordered_members(const Members& members, const SchemaFacts& facts);
  ExprId last_members(const Members& members, uint32_t count);

  Grammar& grammar_;
  JsonParts& parts_;
  const boost::json::value& root_;
  SchemaReader reader_;
  SchemaWays ways_;
  using Key = std::vector<std::pair<const void*, uint16_t>>;
  std::map<Key, RuleId> rules_;
  std::vector<std::pair<RuleId, SubschemaSet>> pending_;
  size_t rules_made_ = 0, members_held_ = 0;
};

}  // namespace studio::engine::constrain
