// Rotating a head's values by Walsh and Hadamard's matrix, so that a few large ones become many of middling size.
// numerics.md, section 7.
//
// The matrix has 1 and -1 alone and is its own transpose, so the product of two rotated rows is that of the rows times
// its order. It takes log2(order) rounds of sums and differences; values are floats, 16 at a time, in vectors of the
// compiler's own, whose additions round as any set's do.
#pragma once

#include "engine/kernels/kernel_args.h"

namespace studio::engine {

template <class V>  // one copy for each set, compiled with its flags
struct Rotation {
  static constexpr int kWide = 16;
  using Wide = float __attribute__((vector_size(kWide * sizeof(float))));

  // The matrix's order: the largest power of two in D. A head is rotated in pieces of it.
  STUDIO_INLINE int order(int dim) { return dim & -dim; }

  // y [D] = x [D] rotated; they may be one. D is a multiple of 16.
  STUDIO_INLINE void rotate(const float* x, int dim, float* y) {
    for (int i = 0; i < dim; i += kWide) {
      Wide lanes;
      __builtin_memcpy(&lanes, x + i, sizeof lanes);
      lanes = fold<8>(fold<4>(fold<2>(fold<1>(lanes))));
      __builtin_memcpy(y + i, &lanes, sizeof lanes);
    }
    for (int step = kWide; step < order(dim); step *= 2) {
      for (int i = 0; i < dim; i += kWide) {
        if ((i & step) == 0) fold_two(y + i, y + i + step);
      }
    }
  }

 private:
  template <int... kLane>
  struct Lanes {};
  using AllLanes = Lanes<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15>;

  // Lanes i and i + kStep become their sum and their difference.
  template <int kStep, int... kLane>
  STUDIO_INLINE Wide fold_lanes(Wide x, Lanes<kLane...>) {
    const Wide other = __builtin_shufflevector(x, x, (kLane ^ kStep)...);
    const Wide sum = other + x, difference = other - x;
    return __builtin_shufflevector(sum, difference, ((kLane & kStep) == 0 ? kLane : kWide + kLane)...);
  }
  template <int kStep>
  STUDIO_INLINE Wide fold(Wide x) {
    return fold_lanes<kStep>(x, AllLanes{});
  }

  STUDIO_INLINE void fold_two(float* a, float* b) {
    Wide x, y;
    __builtin_memcpy(&x, a, sizeof x);
    __builtin_memcpy(&y, b, sizeof y);
    const Wide sum = x + y, difference = x - y;
    __builtin_memcpy(a, &sum, sizeof sum);
    __builtin_memcpy(b, &difference, sizeof difference);
  }
};

}  // namespace studio::engine
