#include "engine/formats/tensor_rows.h"

#include <cstring>

namespace studio::engine {
namespace {

// Where the row that models want at place `row` lies in the tensor.
uint64_t stored_row(const TensorInfo& tensor, uint64_t row) {
  if (tensor.order != TensorOrder::kRotaryHalves) return row;
  const uint64_t head_rows = tensor.rows() / static_cast<uint64_t>(tensor.rotary_heads);
  const uint64_t in_head = row % head_rows;
  return row - in_head + in_head / 2 + in_head % 2 * (head_rows / 2);
}

}  // namespace

std::vector<uint8_t> rows_in_order(const TensorInfo& tensor, uint64_t first, uint64_t count) {
  const size_t bytes = row_bytes(tensor.dtype, tensor.row_elements());
  std::vector<uint8_t> rows(bytes * count);
  for (uint64_t i = 0; i < count; ++i) {
    std::memcpy(rows.data() + i * bytes, tensor.data.data() + stored_row(tensor, first + i) * bytes, bytes);
  }
  return rows;
}

}  // namespace studio::engine
