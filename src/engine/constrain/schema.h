// JSON Schema to expressions: what a model may write so that every text it can finish satisfies the schema.
//
// Read: drafts 4 to 2020-12. Honoured: type, enum, const, properties, required, additionalProperties,
// patternProperties, minProperties, maxProperties, items (one or a list), prefixItems, additionalItems, minItems,
// maxItems, anyOf, oneOf (where no value satisfies two branches), allOf, $ref within the document, minLength,
// maxLength, pattern, format, minimum, maximum, exclusiveMinimum, exclusiveMaximum (number or boolean), multipleOf
// (whole), nullable. Annotations and keywords of no draft mean nothing, as the specification says. All others are
// refused. Policies, each a part of what the schema allows:
//   - properties come in the order in which the schema names them, others after them; a name is written in one way;
//   - a schema with keywords of one type and no `type` is of that type;
//   - whitespace and numbers as in json_parts.h; formats as in formats.h.
// Keys that the schema does not name may repeat.
#pragma once

#include <boost/json/value.hpp>

#include "base/result.h"
#include "engine/constrain/grammar.h"
#include "engine/constrain/json_parts.h"

namespace studio::engine::constrain {

// Sets of subschemas that hold at once: each is a rule. Real schemas have under 2,000.
inline constexpr size_t kMaxSchemaRules = 20'000;
// minItems, minLength and minProperties above it: such a text would not fit a model's context.
inline constexpr int64_t kMaxLeastCount = 100'000;

// Errors carry the JSON pointer of the keyword at fault as their param ("#/properties/a/not"): unimplemented for what
// cannot be enforced, invalid_argument for what is no schema or contradicts itself, payload_too_large past the limits.
Result<RuleId> add_schema(Grammar& grammar, JsonParts& parts, const boost::json::value& schema);

}  // namespace studio::engine::constrain
