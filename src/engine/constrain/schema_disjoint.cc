#include "engine/constrain/schema_disjoint.h"

#include <algorithm>

#include "engine/constrain/schema_objects.h"

namespace studio::engine::constrain {
namespace {

// Values that are listed are few: each is tried.
Result<bool> listed_are_outside(const SchemaFacts& listed, const SchemaFacts& other) {
  for (const boost::json::value* value : *listed.values) {
    STUDIO_TRY(bool is_inside, satisfies(other, *value));
    if (is_inside && other.values) {
      is_inside = std::ranges::any_of(*other.values, [&](const auto* each) { return *each == *value; });
    }
    if (is_inside) return false;
  }
  return true;
}

bool is_above(const std::optional<Bound>& low, const std::optional<Bound>& high) {
  if (!low || !high) return false;
  return low->value > high->value || (low->value == high->value && (low->is_exclusive || high->is_exclusive));
}

bool are_apart(const Sized& a, const Sized& b) {
  return (a.max && *a.max < b.min) || (b.max && *b.max < a.min);
}

// A member that one must have and the other may not, or one that both must have with values of their own.
Result<bool> objects_are_disjoint(const SchemaReader& reader, const SchemaFacts& a, const SchemaFacts& b, int depth) {
  if (are_apart(a.properties, b.properties)) return true;
  STUDIO_TRY(const ObjectFacts of_a, ObjectFacts::read(a));
  STUDIO_TRY(const ObjectFacts of_b, ObjectFacts::read(b));
  for (const auto& [one, other] : {std::pair(&of_a, &of_b), std::pair(&of_b, &of_a)}) {
    for (const std::string& name : one->required()) {
      if (other->forbids(name)) return true;
    }
  }
  if (depth >= kMaxDisjointDepth) return false;
  for (const std::string& name : of_a.required()) {
    if (!of_b.is_required(name)) continue;
    STUDIO_TRY(const SchemaFacts in_a, reader.read(of_a.value_of(name)));
    STUDIO_TRY(const SchemaFacts in_b, reader.read(of_b.value_of(name)));
    STUDIO_TRY(const bool is_apart, are_disjoint(reader, in_a, in_b, depth + 1));
    if (is_apart) return true;
  }
  return false;
}

}  // namespace

Result<bool> are_disjoint(const SchemaReader& reader, const SchemaFacts& a, const SchemaFacts& b, int depth) {
  if (a.is_never || b.is_never) return true;
  if (a.values) return listed_are_outside(a, b);
  if (b.values) return listed_are_outside(b, a);
  const uint8_t common = a.types & b.types;
  if ((common & (kNullType | kBooleanType)) != 0) return false;
  if ((common & (kIntegerType | kFractionType)) != 0 && !is_above(a.numbers.low, b.numbers.high) &&
      !is_above(b.numbers.low, a.numbers.high)) {
    return false;
  }
  if ((common & kStringType) != 0 && !are_apart(a.chars, b.chars)) return false;
  if ((common & kArrayType) != 0 && !are_apart(a.items, b.items)) return false;
  if ((common & kObjectType) != 0) return objects_are_disjoint(reader, a, b, depth);
  return true;
}

}  // namespace studio::engine::constrain
