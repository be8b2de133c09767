// y [T, R] = x [T, K] times w [R, K] transposed, all f32 row-major: the reference's one heavy operation.
#pragma once

#include <cstddef>

namespace studio::reference {

// Rows of w are contiguous; y has stride y_stride between tokens. Eight partial sums per value, added at the end.
void dense_product(const float* x, size_t tokens, const float* w, size_t rows, size_t k, float* y, size_t y_stride);

}  // namespace studio::reference
