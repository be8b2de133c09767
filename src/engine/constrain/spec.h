// A constraint as it travels: one JSON object, as text. Who makes a request writes it, whoever computes the answer
// compiles it again; both by compile_spec(), so that they cannot drift apart.
//
//   {"json_schema": SCHEMA}   {"json_object": true}   {"regex": TEXT}   {"choices": [TEXT, ...]}
//   {"gbnf": TEXT}   {"lark": TEXT}
//   {"tools": {"format": "hermes"|"coder", "plain": BOOL, "text": BOOL, "least": N, "most": N, "functions": [{"name":
//     TEXT, "parameters": SCHEMA}, ...], "answer": SPEC}}
//
// and, beside one of them, "after_line_ends": true: up to two line ends may come first, as they do behind reasoning.
// `text`: an answer may begin with text, in which no call begins. `least`, `most`: calls; most 0 is no limit.
// `plain`: calls may lack their tag; there is at least one where the answer may not begin with text, and no limit
// but 1. `answer`: where there is no call, the answer is held to this, one of the kinds above. Formats of calls:
// tool_grammar.h.
#pragma once

#include <string_view>

#include "engine/constrain/constraint.h"

namespace studio::engine::constrain {

// Schemas of real tool sets stay under 300 kB together.
inline constexpr size_t kMaxSpecBytes = 1u << 20;
// A request's body may nest 64 deep (base/json.h); a spec wraps a part of one.
inline constexpr size_t kMaxSpecDepth = 72;

// Errors: those of Constraint's makers; invalid_argument for what is no spec, payload_too_large past kMaxSpecBytes, and
// where its schemas take too much work together. `work`: what they took of kMaxSchemaWork (schema.h), also where
// there is an error.
Constraint::Made compile_spec(std::string_view spec, size_t* work = nullptr);

}  // namespace studio::engine::constrain
