// The values of parameters in the coder's form (tool_grammar.h): a string stands there as it is, all else as JSON.
//
// Which of them a text is, the types say that a schema leaves to the parameter, whichever of its branches holds. With
// strings alone it is a string; without strings it is JSON. With both, what is written like null, a boolean or a
// number, or begins like an array or an object, is JSON if that type is among them, and everything else is a string:
// one that looks like JSON cannot be written there. Whoever writes calls and whoever reads them ask here.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/constrain/dfa.h"
#include "engine/constrain/grammar.h"
#include "engine/constrain/json_parts.h"
#include "engine/constrain/schema_types.h"

namespace studio::engine::constrain {

inline constexpr std::string_view kParameterOpen = "<parameter=", kParameterNameEnd = ">\n";
inline constexpr std::string_view kParameterClose = "</parameter>";

// The types that a schema leaves to each parameter, as TypeBits; of numbers both or none.
struct ParameterTypes {
  std::map<std::string, uint8_t, std::less<>> named;
  uint8_t others = kAllTypes;  // of those that the schema does not name

  uint8_t of(std::string_view name) const {
    const auto known = named.find(name);
    return known == named.end() ? others : known->second;
  }
};

enum class WrittenAs : uint8_t { kText, kJson, kUnknown };

// How a value that begins with these bytes is written. Never kUnknown of a whole one.
WrittenAs written_as(std::string_view beginning, bool is_whole, uint8_t types);

// The strings that can be written: none holds the tag that closes a parameter.
Result<std::shared_ptr<const Dfa>> writable_texts(uint8_t types);

// Those of so many characters, as far as they can be counted: where more than kCharsByState are allowed or asked for, a
// text that holds a `<` is at most a quarter as long as it may be and holds nothing that begins like the tag.
inline constexpr uint32_t kCharsByState = 16;  // 200 states
Result<ExprId> texts_of_length(Grammar& grammar, uint32_t min, uint32_t max, uint8_t types);

// The parameters of a call, as its schema allows its arguments: what schema.h promises of JSON holds here. Strings with
// a length or a pattern are shorter than they may be where that takes too many states. Errors: those of add_schema;
// unimplemented for listed arguments (enum or const of the root) and for names that cannot be written.
Result<RuleId> add_parameters(Grammar& grammar, JsonParts& parts, const boost::json::value& schema);
// Errors as above.
Result<ParameterTypes> parameter_types(const boost::json::value& schema);

}  // namespace studio::engine::constrain
