#include "engine/sampling/natural_log.h"

#include <cstdint>

namespace studio::engine {

double natural_log(double x) {
  constexpr double kLn2 = 0.693147180559945309417;
  constexpr double kSqrt2 = 1.41421356237309504880;
  const auto bits = __builtin_bit_cast(uint64_t, x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  auto mantissa = __builtin_bit_cast(double, (bits & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000);  // [1, 2)
  if (mantissa > kSqrt2) {
    mantissa *= 0.5;
    ++exponent;
  }
  // ln m = 2 artanh(s), s = (m - 1) / (m + 1), |s| < 0.172: the term after s^23 is under 2^-63.
  const double s = (mantissa - 1) / (mantissa + 1);
  const double s2 = s * s;
  double series = 0;
  for (int power = 23; power >= 1; power -= 2) series = series * s2 + 1.0 / power;
  return 2 * s * series + exponent * kLn2;
}

}  // namespace studio::engine
