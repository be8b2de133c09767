// What the $ref of a subschema names: a JSON pointer, an anchor, or the $id of a schema within the same document.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <string_view>

#include "engine/constrain/schema_types.h"

namespace studio::engine::constrain {

class SchemaRefs {
 public:
  explicit SchemaRefs(const boost::json::value& root);

  Draft draft() const { return draft_; }
  // `from`: the pointer of the schema that refers. Errors name `from`/$ref: invalid_argument where nothing is there,
  // unimplemented for what lies outside of the document.
  Result<Subschema> resolve(std::string_view ref, const Pointer& from) const;

 private:
  void find_names(const boost::json::value& value, const Pointer& pointer, const std::string& base);
  void add_id(const boost::json::value& schema, std::string_view id, const Pointer& pointer, std::string& base);
  std::string base_of(const Pointer& pointer) const;

  const boost::json::value& root_;
  Draft draft_ = Draft::kUnknown;
  std::map<std::string, Subschema> by_uri_;       // without an empty fragment; anchors as URI#name
  std::map<std::string, std::string> base_from_;  // the URI that holds from a pointer on
};

// The URI that `reference` names where `base` holds. Enough for http, relative paths and fragments.
std::string resolved_uri(std::string_view base, std::string_view reference);

}  // namespace studio::engine::constrain
