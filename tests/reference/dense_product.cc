// Compiled with AVX2 and FMA: a tool for test machines, all of which have them.
#include "dense_product.h"

#include <immintrin.h>

namespace studio::reference {
namespace {

float reduce(__m256 v) {
  __m128 low = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  low = _mm_add_ps(low, _mm_movehl_ps(low, low));
  return _mm_cvtss_f32(_mm_add_ss(low, _mm_shuffle_ps(low, low, 1)));
}

// A tile of 3 tokens x 4 rows: 12 accumulators fill the register file.
template <int TOKENS, int ROWS>
void tile(const float* x, const float* w, size_t k, float* y, size_t y_stride) {
  __m256 sums[TOKENS][ROWS];
  for (auto& row : sums) {
    for (auto& sum : row) sum = _mm256_setzero_ps();
  }
  size_t i = 0;
  for (; i + 8 <= k; i += 8) {
    __m256 weights[ROWS];
    for (int r = 0; r < ROWS; ++r) weights[r] = _mm256_loadu_ps(w + static_cast<size_t>(r) * k + i);
    for (int t = 0; t < TOKENS; ++t) {
      const __m256 values = _mm256_loadu_ps(x + static_cast<size_t>(t) * k + i);
      for (int r = 0; r < ROWS; ++r) sums[t][r] = _mm256_fmadd_ps(values, weights[r], sums[t][r]);
    }
  }
  for (int t = 0; t < TOKENS; ++t) {
    for (int r = 0; r < ROWS; ++r) {
      float sum = reduce(sums[t][r]);
      for (size_t j = i; j < k; ++j) sum += x[static_cast<size_t>(t) * k + j] * w[static_cast<size_t>(r) * k + j];
      y[static_cast<size_t>(t) * y_stride + static_cast<size_t>(r)] = sum;
    }
  }
}

template <int TOKENS>
void strip(const float* x, const float* w, size_t rows, size_t k, float* y, size_t y_stride) {
  size_t r = 0;
  for (; r + 4 <= rows; r += 4) tile<TOKENS, 4>(x, w + r * k, k, y + r, y_stride);
  for (; r < rows; ++r) tile<TOKENS, 1>(x, w + r * k, k, y + r, y_stride);
}

}  // namespace

void dense_product(const float* x, size_t tokens, const float* w, size_t rows, size_t k, float* y, size_t y_stride) {
  // Sixteen rows at a time stay in the second-level cache while all tokens pass over them.
  for (size_t r = 0; r < rows; r += 16) {
    const size_t count = rows - r < 16 ? rows - r : 16;
    size_t t = 0;
    for (; t + 3 <= tokens; t += 3) strip<3>(x + t * k, w + r * k, count, k, y + t * y_stride + r, y_stride);
    for (; t < tokens; ++t) strip<1>(x + t * k, w + r * k, count, k, y + t * y_stride + r, y_stride);
  }
}

}  // namespace studio::reference
