// Products for tests: random weights and inputs of one shape, multiplied by any set.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/kernels/kernel_test_util.h"

namespace studio::engine {

// One product: weights, input and what else decides the result.
struct Problem {
  DType type;
  int rows, k, columns;
  std::vector<uint8_t> data;  // rows of the file
  std::vector<float> x;       // [columns, k]
  PanelMatrix weights;

  Problem(DType dtype, int n_rows, int n_k, int n_columns, uint64_t seed, bool extreme)
      : Problem(dtype, n_rows, n_k, n_columns, TestRandom(seed), extreme) {}

  Problem(DType dtype, int n_rows, int n_k, int n_columns, TestRandom random, bool extreme)
      : type(dtype),
        rows(n_rows),
        k(n_k),
        columns(n_columns),
        data(random_rows(dtype, n_rows, n_k, random)),
        x(extreme ? random.extremes(static_cast<size_t>(n_columns) * static_cast<size_t>(n_k))
                  : random.normals(static_cast<size_t>(n_columns) * static_cast<size_t>(n_k))),
        weights(panels_of(dtype, n_rows, n_k, data)) {}

  Activations input(const KernelSet& set, int first, int n) const {
    Activations a(n, k, {.codes = is_quantised(type), .values = !is_quantised(type)});
    set.quantize(x.data() + static_cast<size_t>(first) * static_cast<size_t>(k), static_cast<size_t>(k), a.view(), 0, n,
                 0, a.view().k);
    return a;
  }
  std::vector<float> product(const KernelSet& set) const { return product(set, 0, columns); }
  std::vector<float> product(const KernelSet& set, int first, int n) const {
    const Activations a = input(set, first, n);
    std::vector<float> y(static_cast<size_t>(n) * static_cast<size_t>(rows));
    set.matmul(weights.view(), a.view(), {.out = y.data(), .stride = static_cast<size_t>(rows)}, 0, weights.panels());
    return y;
  }
};

inline int smallest_k(DType type) {
  return is_quantised(type) ? static_cast<int>(block_elements(type)) : 23;
}

}  // namespace studio::engine
