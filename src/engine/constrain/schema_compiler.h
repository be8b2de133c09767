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
#include "engine/constrain/schema_facts.h"
#include "engine/constrain/schema_objects.h"

namespace studio::engine::constrain {

class SchemaCompiler {
 public:
  SchemaCompiler(Grammar& grammar, JsonParts& parts, const boost::json::value& root)
      : grammar_(grammar), parts_(parts), root_(root), reader_(root) {}

  Result<RuleId> run();

 private:
  // schema_compiler.cc
  ExprId value_of(const SubschemaSet& set);
  Result<ExprId> build(const SubschemaSet& set);
  Result<ExprId> build_choice(const SchemaFacts& facts);
  Status check_one_of(const Subschema& list, const std::vector<SubschemaSet>& branches);
  Result<ExprId> build_values(const SchemaFacts& facts);
  Result<ExprId> build_numbers(const SchemaFacts& facts);
  Result<ExprId> build_string(const SchemaFacts& facts);
  Result<ExprId> build_array(const SchemaFacts& facts);

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
  Result<ExprId> other_members(const ObjectFacts& object);
  Result<ExprId> ordered_members(const Members& members, const SchemaFacts& facts);
  ExprId last_members(const Members& members, uint32_t count);

  Grammar& grammar_;
  JsonParts& parts_;
  const boost::json::value& root_;
  SchemaReader reader_;
  using Key = std::vector<std::pair<const void*, uint8_t>>;
  std::map<Key, RuleId> rules_;
  std::vector<std::pair<RuleId, SubschemaSet>> pending_;
  size_t rules_made_ = 0;
};

}  // namespace studio::engine::constrain
