// The keys of a JSON object that are none of a list, written in one way alone (json_escaped in dfa.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/constrain/grammar.h"

namespace studio::engine::constrain {

// Property names are walked character by character, recursively.
inline constexpr size_t kMaxNameBytes = 512;

// What stands between the quotes. Names are valid UTF-8 of at most kMaxNameBytes.
ExprId keys_other_than(Grammar& grammar, std::vector<std::string> names);
// As they are, without `ends`: ASCII bytes, of which one follows the key.
ExprId names_other_than(Grammar& grammar, std::vector<std::string> names, std::string_view ends);

}  // namespace studio::engine::constrain
