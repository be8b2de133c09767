// A weight matrix [rows, K] repacked for the kernels: panels of 16 rows, one row per 32-bit lane of a 512-bit register.
//
// Nothing is lost: codes and scales are those of the file, in another order (panel_layout.h), and take as many bytes
// within 4 %. Rows that do not fill the last panel are zero. Immutable once built; any thread may read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "base/thread_pool.h"
#include "engine/kernels/kernel_args.h"
#include "engine/kernels/weight_memory.h"
#include "engine/tensor/dtype.h"

namespace studio::engine {

// The largest row length: integer sums over one block never depend on it, f32 indexing and scratch sizes do.
inline constexpr int64_t kMaxMatrixK = 1 << 20;
inline constexpr int64_t kMaxMatrixRows = 1 << 24;

class PanelMatrix {
 public:
  // gguf_rows holds `rows` rows of k elements as they lie in a GGUF file. invalid_argument when the sizes do not agree,
  // or k is no multiple of the type's block; unavailable when memory is short. pool may be null.
  static Result<PanelMatrix> build(DType type, int64_t rows, int64_t k, std::span<const uint8_t> gguf_rows,
                                   ThreadPool* pool);

  // The same matrix from panels laid out before, where they lie: `panels` must outlive it and begin at a multiple of 64
  // bytes. invalid_argument when their size is not that of the shape.
  static Result<PanelMatrix> borrow(DType type, int64_t rows, int64_t k, std::span<const uint8_t> panels);

  DType type() const { return view_.type; }
  int rows() const { return view_.rows; }
  int k() const { return view_.k; }
  int panels() const { return (view_.rows + kPanelRows - 1) / kPanelRows; }
  size_t bytes() const { return view_.panel_bytes * static_cast<size_t>(panels()); }  // read once per pass
  const PanelView& view() const { return view_; }
  // All panels, in order: what borrow() takes.
  std::span<const uint8_t> data() const { return {view_.data, bytes()}; }

  // Row r as f32, the same bits as decode_row of the file's row gives: embeddings. out [k].
  void decode_row(int row, float* out) const;

 private:
  PanelMatrix() = default;

  WeightMemory memory_;  // empty where it is borrowed
  PanelView view_;
};

}  // namespace studio::engine
