// Numbers between bounds, as decimal text without exponent.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "engine/constrain/grammar.h"

namespace studio::engine::constrain {

struct Bound {
  double value = 0;
  bool is_exclusive = false;
};

struct NumberRange {
  std::optional<Bound> low, high;
  int64_t multiple_of = 0;  // 0: any
};

// Largest divisor: its remainders are states.
inline constexpr int64_t kMaxMultipleOf = 200;

// Errors: unimplemented for bounds that 18 digits do not reach and divisors past kMaxMultipleOf (powers of ten aside).
// nothing() where no number lies between the bounds.
Result<ExprId> integers_in(Grammar& grammar, const NumberRange& range);
// The same for numbers with a fraction.
Result<ExprId> decimals_in(Grammar& grammar, const NumberRange& range);

}  // namespace studio::engine::constrain
