#include "engine/encoders/pooling.h"

#include <cmath>
#include <vector>

namespace studio::engine {

void pool_text(const float* rows, size_t stride, int tokens, Pooling pooling, bool normalises, std::span<float> out) {
  std::vector<double> pooled(out.size(), 0.0);
  const int first = pooling == Pooling::kLast ? tokens - 1 : 0;
  const int last = pooling == Pooling::kCls ? 1 : tokens;
  for (int t = first; t < last; ++t) {
    const float* const row = rows + static_cast<size_t>(t) * stride;
    for (size_t c = 0; c < out.size(); ++c) pooled[c] += static_cast<double>(row[c]);
  }
  double squares = 0;
  for (double& value : pooled) {
    value /= last - first;
    squares += value * value;
  }
  const double length = normalises && squares > 0 ? std::sqrt(squares) : 1;
  for (size_t c = 0; c < out.size(); ++c) out[c] = static_cast<float>(pooled[c] / length);
}

}  // namespace studio::engine
