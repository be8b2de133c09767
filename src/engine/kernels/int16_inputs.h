// The input of a product by Int16Panels: N columns (tokens) of K values as integers of 16 bits, a scale for each group
// of 128. Threads: disjoint columns may be written at once; reading needs all writes done.
#pragma once

#include "engine/kernels/aligned_buffer.h"
#include "engine/kernels/int16_kernels.h"

namespace studio::engine {

class Int16Inputs {
 public:
  // Room for max_columns of K values; has_memory() tells whether there was any.
  Int16Inputs(int max_columns, int k);
  bool has_memory() const { return codes_.data() != nullptr && scales_.data() != nullptr; }

  void reset(int columns) { view_.columns = columns; }  // at most max_columns
  const Int16ColumnView& view() const { return view_; }

 private:
  AlignedBuffer codes_, scales_;
  Int16ColumnView view_;
};

}  // namespace studio::engine
