// Weights of a model by name, checked against the shape the architecture expects.
//
// Threads: loading spreads the repacking over the pool; the results are immutable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "engine/formats/model_source.h"
#include "engine/kernels/panel_matrix.h"

namespace studio::engine {

class WeightLoader {
 public:
  WeightLoader(const ModelSource& file, ThreadPool& pool) : file_(file), pool_(pool) {}

  // A matrix [rows, k] as panels; those of a panel file are used where they lie. corrupt_data naming the tensor when it
  // is missing or has another shape.
  Result<PanelMatrix> matrix(const std::string& name, int64_t rows, int64_t k);
  // A vector [n] as f32; it must hold finite values.
  Result<std::vector<float>> vector(const std::string& name, int64_t n);
  // The same, empty when the file has none.
  Result<std::vector<float>> optional_vector(const std::string& name, int64_t n);

  int64_t matrix_bytes() const { return matrix_bytes_; }  // of all matrices loaded so far
  int64_t parameters() const { return parameters_; }
  bool any_float() const { return any_float_; }          // some matrix takes f32 activations
  bool any_quantised() const { return any_quantised_; }  // some matrix takes int8 activations

 private:
  Result<PanelMatrix> panels_of(const TensorInfo& tensor, int64_t rows, int64_t k);

  const ModelSource& file_;
  ThreadPool& pool_;
  int64_t matrix_bytes_ = 0;
  int64_t parameters_ = 0;
  bool any_float_ = false, any_quantised_ = false;
};

}  // namespace studio::engine
