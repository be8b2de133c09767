// A weight matrix [rows, K] as integers of 16 bits with one scale for each row, in panels for Int16Kernels::matmul:
// a class of numerics of its own (numerics.md, section 9), made from weights of any type.
//
// Codes have 12 bits, so that a group's products by inputs of 14 bits sum in 32. A row misses the original by 2^-12 of
// its largest value, a tenth of what 8 bits in blocks of 32 miss. Immutable once built; any thread may read.
#pragma once

#include "base/result.h"
#include "base/thread_pool.h"
#include "engine/kernels/int16_kernels.h"
#include "engine/kernels/panel_matrix.h"
#include "engine/kernels/weight_memory.h"

namespace studio::engine {

class Int16Panels {
 public:
  // Errors: unavailable when memory is short.
  static Result<Int16Panels> build(const PanelMatrix& weights, ThreadPool& pool);

  int panels() const { return (view_.rows + kPanelRows - 1) / kPanelRows; }
  size_t bytes() const { return bytes_; }
  const Int16PanelView& view() const { return view_; }

 private:
  Int16Panels() = default;

  WeightMemory memory_;
  Int16PanelView view_;
  size_t bytes_ = 0;
};

}  // namespace studio::engine
