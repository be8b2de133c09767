#include "engine/kernels/int16_inputs.h"

namespace studio::engine {

Int16Inputs::Int16Inputs(int max_columns, int k) {
  const auto columns = static_cast<size_t>(max_columns), width = static_cast<size_t>(k);
  view_.k = k;
  view_.stride = (width + 1) / 2 * 2;
  view_.scales_stride = (width + kInt16Group - 1) / kInt16Group;
  codes_ = AlignedBuffer(columns * view_.stride * sizeof(int16_t), AlignedBuffer::Use::kFromFront);
  scales_ = AlignedBuffer(columns * view_.scales_stride * sizeof(float), AlignedBuffer::Use::kFromFront);
  view_.codes = codes_.as<int16_t>();
  view_.scales = scales_.as<float>();
}

}  // namespace studio::engine
