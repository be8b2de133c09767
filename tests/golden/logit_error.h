// How far one row of logits is from another, as a share of the range the expected ones span.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace studio::golden {

// max |actual - expected| / (max expected - min expected); infinite when a logit is not finite.
inline double logit_error(const float* expected, const float* actual, size_t vocab) {
  const auto [low, high] = std::minmax_element(expected, expected + vocab);
  double worst = 0;
  for (size_t i = 0; i < vocab; ++i) {
    if (!std::isfinite(actual[i])) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, std::fabs(static_cast<double>(actual[i]) - expected[i]));
  }
  return worst / (static_cast<double>(*high) - *low);
}

}  // namespace studio::golden
