// One factor of an adapter as signed integers of 8 or 16 bits, in panels for factor_product.h.
//
// An adapter is B (diag(s) (A x)): the codes of A have one scale for each of its R rows, those of B one for each of its
// R columns, and both meet in s. So 16 bits miss a value by 2^-16 of the largest one of its row (or column), which is a
// tenth of what f16 misses, for the same bytes.
// Immutable once built; any thread may read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/kernels/aligned_buffer.h"
#include "engine/kernels/factor_product.h"

namespace studio::engine {

enum class FactorScales { kOfRows, kOfColumns };

class FactorPanels {
 public:
  // values [rows, k], finite. Errors: unavailable when memory is short.
  static Result<FactorPanels> build(std::span<const float> values, int rows, int k, FactorScales which, int code_bytes);

  int rows() const { return view_.rows; }
  int k() const { return view_.k; }
  int panels() const { return (view_.rows + kPanelRows - 1) / kPanelRows; }
  size_t bytes() const { return memory_.bytes(); }
  const FactorView& view() const { return view_; }
  // Its rows from `row` on, a multiple of 16.
  FactorView from_row(int row) const;
  // A value is its code times the scale of its row or column.
  std::span<const float> scales() const { return scales_; }

 private:
  FactorPanels() = default;

  AlignedBuffer memory_;
  FactorView view_;
  std::vector<float> scales_;
};

}  // namespace studio::engine
