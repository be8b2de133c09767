// Products with the thin factors of adapters: y [N, rows] = W [rows, K] x, W of small integers, x of f32.
//
// Codes alone: the scales of both factors of an adapter belong to its R middle values (factor_panels.h), so that no
// product multiplies by them. Definition: one accumulator for each value, from 0, `acc = fma(f32(code), x[k], acc)`, k
// ascending; then y = acc or y + acc. The same bits for any set, number of columns, cut or thread.
#pragma once

#include "engine/kernels/kernel_args.h"

namespace studio::engine {

// Panels of 16 rows, each K groups of 16 codes; rows past the last are zero.
struct FactorView {
  int rows = 0;
  int k = 0;
  int code_bytes = 2;  // signed: 1 or 2
  const uint8_t* data = nullptr;
};

// x [columns, k] without gaps. Panels [begin, end). No bias.
using FactorProduct = void (*)(const FactorView& weights, const float* x, int columns, const MatmulOutput& y, int begin,
                               int end);

// The fastest for a kernel set: the tiles of AMX have no use here.
FactorProduct factor_product(Isa isa);

}  // namespace studio::engine
