// Regular expressions as JSON Schema's `pattern` writes them: ECMA-262 with the flag u.
//
// Understood: literals, . (no line end), classes with ranges and ^, \d \w \s and their opposites, \t \n \r \f \v \0,
// \xHH, \uHHHH, \u{...}, \cX, groups of every kind that only groups, |, * + ? {n} {n,} {n,m} with or without a lazy ?,
// anchors where they can hold (^ at the left edge of an alternative, $ at the right one).
// Refused by name: look-ahead and look-behind, back-references, \b, \p{...}, inline flags, anchors elsewhere.
#pragma once

#include <string_view>

#include "base/result.h"
#include "engine/constrain/grammar.h"

namespace studio::engine::constrain {

// Real patterns stay under 2,000 bytes; larger ones are lists in disguise.
inline constexpr size_t kMaxPatternBytes = 32'768;
inline constexpr int kMaxPatternNesting = 64;          // recursion of the parser
inline constexpr uint32_t kMaxPatternRepeat = 65'536;  // {n}: beyond it a text would not fit a model's context

enum class RegexMatch {
  kWhole,        // the text, from its start to its end
  kSearch,       // some part of it, as `pattern` means
  kSearchToEnd,  // the same, the part being the last
};

// Errors: invalid_argument (with the place in the pattern), unimplemented for what is refused by name.
Result<ExprId> parse_regex(Grammar& grammar, std::string_view pattern, RegexMatch match);

// It has no $: once it is found, anything may follow. False for what is no pattern.
bool is_open_ended(std::string_view pattern);

}  // namespace studio::engine::constrain
