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
  int64_t multiple_of = 0;    // 0: any
  int multiple_decimals = 0;  // 5 at two decimals is 0.05
};

// Largest divisor: its remainders are states.
inline constexpr int64_t kMaxMultipleOf = 200;

inline constexpr int kMaxMultipleDecimals = 6;

// Errors: unimplemented for bounds that 18 digits do not reach and divisors past kMaxMultipleOf (powers of ten aside).
// nothing() where no number lies between the bounds.
Result<ExprId> integers_in(Grammar& grammar, const NumberRange& range);
// The same for numbers with a fraction or without.
Result<ExprId> decimals_in(Grammar& grammar, const NumberRange& range);
// The same for numbers that are no integers.
Result<ExprId> fractions_in(Grammar& grammar, const NumberRange& range);

}  // namespace studio::engine::constrain
