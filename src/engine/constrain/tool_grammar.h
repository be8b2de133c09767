// What an answer that calls functions looks like, in the ways that Qwen's models were taught.
//
// hermes (Qwen2.5, Qwen3):   <tool_call>\n{"name": "f", "arguments": {...}}\n</tool_call>
// coder  (Qwen3-Coder):      <tool_call>\n<function=f>\n<parameter=a>\nTEXT\n</parameter>\n</function>\n</tool_call>
//
// Several calls have a line end between them; nothing follows the last. Parameters of the coder's form come in the
// order of `properties`, as members of JSON do; how their values are written, parameter_text.h says. plain: also
// the JSON or the function's tags of a call alone, where call_heads.h says that one begins; behind a call any text may
// come then, which is no part of the answer: whoever reads it ends the answer there.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/constrain/call_heads.h"
#include "engine/constrain/grammar.h"
#include "engine/constrain/json_parts.h"

namespace studio::engine::constrain {

// Of one request: what other platforms take, and more than a model can tell apart.
inline constexpr size_t kMaxTools = 512;
// Of these at most is a plain call told from text: each takes some 60 rules of the grammar, and coding agents, whose
// sets are the largest, have under 100.
inline constexpr size_t kMaxPlainTools = 128;

// `tools` as in spec.h. Errors: invalid_argument for what is none; those of add_schema and add_parameters.
Result<ExprId> add_tools(Grammar& grammar, JsonParts& parts, const boost::json::object& tools);

// Any text that does not hold `tag`, which begins with a byte that it has once.
ExprId text_without(Grammar& grammar, std::string_view tag);

}  // namespace studio::engine::constrain
