// One function for each instruction set, in a source compiled for it. Callers use factor_product.h.
#pragma once

#include "engine/kernels/factor_product.h"

namespace studio::engine {

void factor_product_scalar(const FactorView& weights, const float* x, int columns, const MatmulOutput& y, int begin,
                           int end);
void factor_product_avx2(const FactorView& weights, const float* x, int columns, const MatmulOutput& y, int begin,
                         int end);
void factor_product_avx512(const FactorView& weights, const float* x, int columns, const MatmulOutput& y, int begin,
                           int end);

}  // namespace studio::engine
