// Whether two subschemas can be told to have no value in common: what makes a oneOf as good as an anyOf.
#pragma once

#include "base/result.h"
#include "engine/constrain/schema_facts.h"

namespace studio::engine::constrain {

// False where it is not known. Looks into properties, kMaxDisjointDepth deep.
inline constexpr int kMaxDisjointDepth = 3;
Result<bool> are_disjoint(const SchemaReader& reader, const SchemaFacts& a, const SchemaFacts& b, int depth = 0);

}  // namespace studio::engine::constrain
