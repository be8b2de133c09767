// Grammars written by people: GBNF (llama.cpp) and the part of Lark that says what a text is.
#pragma once

#include <string_view>

#include "base/result.h"
#include "engine/constrain/grammar.h"

namespace studio::engine::constrain {

inline constexpr size_t kMaxGrammarBytes = 256u << 10;  // the largest that are handed around (C, SQL) have under 30,000
inline constexpr int kMaxGrammarNesting = 64;           // parentheses in one another

// `name ::= ...`, the rule `root` is the whole. Literals with escapes, classes, . (any character), groups, | * + ?
// {n,m}, comments. Errors name the line: invalid_argument; unimplemented for a rule that begins with itself by way of
// another (one that does so itself is turned into a repeat); payload_too_large.
Result<RuleId> add_gbnf(Grammar& grammar, std::string_view text);

// `name: ...` for rules and TERMINALS, the rule `start` is the whole. Strings (with i for either case), regular
// expressions between slashes (no flags), "a".."z", groups, [optional], | * + ? ~n ~n..m, aliases (->), priorities,
// %ignore, %import of the usual terminals of `common`. The texts are those that the rules derive, with what is ignored
// before each terminal of a rule and at the end; no lexer decides between terminals. Refused by name: other imports,
// %declare, %override, %extend, templates, flags of expressions.
Result<RuleId> add_lark(Grammar& grammar, std::string_view text);

}  // namespace studio::engine::constrain
