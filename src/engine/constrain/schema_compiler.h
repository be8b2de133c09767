// One rule per set of subschemas that hold at once and way to write it, made when it is first needed.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/constrain/grammar.h"
#include "engine/constrain/json_parts.h"
#include "engine/constrain/parameter_text.h"
#include "engine/constrain/schema_arrays.h"
#include "engine/constrain/schema_facts.h"
#include "engine/constrain/schema_objects.h"
#include "engine/constrain/schema_ways.h"

namespace studio::engine::constrain {

class SchemaCompiler {
 public:
  SchemaCompiler(Grammar& grammar, JsonParts& parts, const boost::json::value& root)
      : grammar_(grammar), parts_(parts), root_(root), reader_(root, parts.schema_work()), ways_(reader_) {}

  Result<RuleId> run() { return run(kJson); }
  // As add_parameters and parameter_types.
  Result<RuleId> run_parameters();
  Result<ParameterTypes> parameter_types();

 private:
  // How values are written: as JSON; an object as the parameters of a call; or the value of a parameter that may be a
  // string, the types that it may have then.
  using Style = uint16_t;
  static constexpr Style kJson = 0, kParameters = 1u << 8;
  using Key = std::vector<std::pair<const void*, uint16_t>>;

  // schema_compiler.cc
  Result<RuleId> run(Style style);
  static Key key_of(const SubschemaSet& set, Style style);
  ExprId value_of(const SubschemaSet& set, Style style = kJson);
  Result<ExprId> build(const SubschemaSet& set, Style style);
  Result<ExprId> build_of_types(const SchemaFacts& facts);
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
  Result<Dfa> texts_of(const SchemaFacts& facts, const Dfa* within = nullptr);
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
    bool have_commas = true;    // between them
  };
  struct OtherKeys {
    std::optional<Dfa> keys;  // none: all but the listed names
    SubschemaSet values;
  };
  Result<ExprId> build_members(const SchemaFacts& facts, Style style);
  Result<std::optional<Dfa>> names_of(ObjectFacts& object);
  using KeyKinds = std::vector<std::pair<uint32_t, Dfa>>;  // which patterns match (bit i: pattern i), the keys
  Result<std::vector<OtherKeys>> other_keys(const ObjectFacts& object, const std::optional<Dfa>& allowed_names);
  ExprId named_member(const std::string& name, const SubschemaSet& values, Style style);
  Result<ExprId> other_member(const OtherKeys& others, const ObjectFacts& object, Style style);
  static Result<KeyKinds> cut_by(const Dfa& pattern, size_t index, const KeyKinds& kinds);
  Result<ExprId> ordered_members(const Members& members, const SchemaFacts& facts);
  ExprId last_members(const Members& members, uint32_t count);

  // schema_parameters.cc
  Status for_each_way(const SubschemaSet& set, const std::function<Status(SchemaFacts)>& visit);
  Status add_parameter_names(const SchemaFacts& facts);
  Status add_parameter_types(const SchemaFacts& facts, ParameterTypes& types);
  Status add_known_names(ObjectFacts& object);
  Result<uint8_t> types_of(const SubschemaSet& set);
  Result<ExprId> build_parameters(const SchemaFacts& facts);
  Result<ExprId> other_name(const OtherKeys& others, const ObjectFacts& object);
  ExprId parameter(ExprId name, const SubschemaSet& values, uint8_t types);
  Result<ExprId> build_written(const SchemaFacts& facts, uint8_t types);
  Result<ExprId> build_any_written(uint8_t types);
  Result<ExprId> build_text(const SchemaFacts& facts, uint8_t types);
  using TextKind = std::tuple<uint8_t, uint32_t, uint32_t>;  // types of the parameter; least and most characters
  Result<ExprId> text_of_length(const TextKind& kind);

  Grammar& grammar_;
  JsonParts& parts_;
  const boost::json::value& root_;
  SchemaReader reader_;
  SchemaWays ways_;
  struct Pending {
    RuleId rule;
    SubschemaSet set;
    Style style;
  };
  std::map<Key, RuleId> rules_;
  std::vector<Pending> pending_;
  size_t rules_made_ = 0, members_held_ = 0, ways_read_ = 0, members_of_ways_ = 0;
  // Of parameters.
  std::vector<std::string> parameter_names_;  // of all branches, in the order in which they are met
  std::unordered_set<std::string> known_parameters_;
  ParameterTypes parameter_types_;
  std::map<Key, uint8_t> types_of_;
  std::map<TextKind, ExprId> texts_of_length_;
};

}  // namespace studio::engine::constrain
