#include "engine/layers/weights.h"

#include <cmath>
#include <utility>

#include "engine/formats/block_codec.h"
#include "engine/formats/tensor_rows.h"

namespace studio::engine {
namespace {

std::string shape_text(const TensorInfo& tensor) {
  std::string text = "[";
  for (int i = tensor.n_dims; i-- > 0;)
    text += std::to_string(tensor.shape[static_cast<size_t>(i)]) + (i > 0 ? ", " : "]");
  return text;
}

bool is_float(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
}

}  // namespace

Result<PanelMatrix> WeightLoader::matrix(const std::string& name, int64_t rows, int64_t k) {
  STUDIO_TRY(const TensorInfo* tensor, file_.get_tensor(name));
  if (tensor->n_dims > 2 || static_cast<int64_t>(tensor->rows()) != rows ||
      static_cast<int64_t>(tensor->row_elements()) != k) {
    return Error(Code::kCorruptData, "tensor " + name + " has the shape " + shape_text(*tensor) +
                                         " where the model needs [" + std::to_string(rows) + ", " + std::to_string(k) +
                                         "]");
  }
  STUDIO_TRY(auto panels, panels_of(*tensor, rows, k));
  (is_float(tensor->dtype) ? any_float_ : any_quantised_) = true;
  matrix_bytes_ += static_cast<int64_t>(panels.bytes());
  parameters_ += rows * k;
  return std::move(panels);
}

Result<PanelMatrix> WeightLoader::panels_of(const TensorInfo& tensor, int64_t rows, int64_t k) {
  if (tensor.order == TensorOrder::kPanels) return PanelMatrix::borrow(tensor.dtype, rows, k, tensor.data);
  if (tensor.order == TensorOrder::kRows) return PanelMatrix::build(tensor.dtype, rows, k, tensor.data, &pool_);
  const std::vector<uint8_t> ordered = rows_in_order(tensor, 0, tensor.rows());
  return PanelMatrix::build(tensor.dtype, rows, k, ordered, &pool_);
}

Result<std::vector<float>> WeightLoader::vector(const std::string& name, int64_t n) {
  STUDIO_TRY(const TensorInfo* tensor, file_.get_tensor(name));
  if (static_cast<int64_t>(tensor->row_elements()) != n || tensor->rows() != 1) {
    return Error(Code::kCorruptData, "tensor " + name + " has the shape " + shape_text(*tensor) +
                                         " where the model needs [" + std::to_string(n) + "]");
  }
  std::vector<float> values(static_cast<size_t>(n));
  decode_row(tensor->dtype, tensor->data.data(), values.data(), values.size());
  for (float value : values) {
    if (!std::isfinite(value)) return Error(Code::kCorruptData, "tensor " + name + " holds a value that is not finite");
  }
  parameters_ += n;
  return std::move(values);
}

Result<std::vector<float>> WeightLoader::optional_vector(const std::string& name, int64_t n) {
  if (file_.find_tensor(name) == nullptr) return std::vector<float>{};
  return vector(name, n);
}

}  // namespace studio::engine
