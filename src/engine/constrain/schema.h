// JSON Schema to expressions: what a model may write so that every text it can finish satisfies the schema.
//
// Read: drafts 4 to 2020-12. Honoured: type, enum, const, properties, required, additionalProperties,
// patternProperties, propertyNames, minProperties, maxProperties, dependentRequired, dependentSchemas, dependencies,
// items (one or a list), prefixItems, additionalItems, contains, minContains, maxContains, minItems, maxItems,
// uniqueItems (of listed values), anyOf, oneOf, allOf, not, if/then/else, $ref within the document (by pointer, $anchor
// or $id), minLength, maxLength, pattern, format, minimum, maximum, exclusiveMinimum, exclusiveMaximum (number or
// boolean), multipleOf, nullable. Annotations, unknown formats and keywords of no draft mean nothing, as the
// specification says. All others are refused. Policies, each a part of what the schema allows:
//   - properties come in the order in which the schema names them, others after them; a name is written in one way;
//   - a schema with keywords of one type and no `type` is of that type;
//   - whitespace and numbers as in json_parts.h; formats as in formats.h;
//   - what must not hold (not, else, the other branches of oneOf) is made to fail in ways that can be held to, at most
//     16 of them (schema_ways.h, schema_choices.cc); more than five dependencies apply together or not at all;
//   - items that must be contained come one after another, before, among or behind those that are listed; items that
//     must differ come in the order in which they are listed;
//   - what the draft that $schema names does not have yet says nothing, but narrows what is written where it does no
//     more (const, contains, propertyNames, if, dependentRequired, dependentSchemas);
//   - strings with a pattern and a length are shorter than they may be where both take too many states;
//   - numbers with bounds have at most 15 digits, which every reader tells apart.
// Keys that the schema does not name may repeat.
#pragma once

#include <boost/json/value.hpp>

#include "base/result.h"
#include "engine/constrain/grammar.h"
#include "engine/constrain/json_parts.h"

namespace studio::engine::constrain {

// Sets of subschemas that hold at once: each is a rule. Real schemas have under 2,000.
inline constexpr size_t kMaxSchemaRules = 20'000;
// Subschemas in those sets, 48 bytes each while the schema is compiled.
inline constexpr size_t kMaxHeldMembers = 200'000;
// Of the schemas of one constraint, all together: subschemas and keywords looked at, states of patterns compared. Half
// a second at most; the largest of real schemas take a quarter of it.
inline constexpr size_t kMaxSchemaWork = 2'000'000;
// minItems, minLength and minProperties above it: such a text would not fit a model's context.
inline constexpr int64_t kMaxLeastCount = 100'000;

// Errors carry the JSON pointer of the keyword at fault as their param ("#/properties/a/not"): unimplemented for what
// cannot be enforced, invalid_argument for what is no schema or contradicts itself, payload_too_large past the limits.
Result<RuleId> add_schema(Grammar& grammar, JsonParts& parts, const boost::json::value& schema);
// Why a schema compiles to a grammar without texts: invalid_argument where it contradicts itself as far as that is
// known, unimplemented where the policies leave nothing. Without a pointer: it is of the whole schema.
Error nothing_left_of(const boost::json::value& schema);

}  // namespace studio::engine::constrain
