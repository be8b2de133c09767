// Whether two subschemas can be told to have no value in common, and whether one can be told to have none at all.
#pragma once

#include "base/result.h"
#include "engine/constrain/schema_facts.h"

namespace studio::engine::constrain {

// Looks into branches and properties, so deep.
inline constexpr int kMaxDisjointDepth = 3;

// No value that is written for `a` satisfies `b`, whose facts were read as Meaning::kWidest. False where it is not
// known.
Result<bool> are_disjoint(SchemaReader& reader, const SchemaFacts& a, const SchemaFacts& b, int depth = 0);

// Nothing can be written for it; with facts read as Meaning::kWidest, nothing satisfies it. False where it is not
// known.
Result<bool> is_contradictory(SchemaReader& reader, const SchemaFacts& facts, Meaning meaning = Meaning::kPolicy,
                              int depth = 0);

}  // namespace studio::engine::constrain
