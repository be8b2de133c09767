#include "engine/kernels/factor_panels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace studio::engine {
namespace {

// As for activations (numerics.md, section 2): below it the inverse would be no number.
constexpr float kZero = 1e-30f;

}  // namespace

Result<FactorPanels> FactorPanels::build(std::span<const float> values, int rows, int k, FactorScales which,
                                         int code_bytes) {
  const auto row_count = static_cast<size_t>(rows), width = static_cast<size_t>(k);
  const auto bytes = static_cast<size_t>(code_bytes);
  const float largest_code = code_bytes == 1 ? 127.0f : 32767.0f;
  FactorPanels factor;
  const size_t panels = (row_count + kPanelRows - 1) / kPanelRows;
  factor.memory_ = AlignedBuffer(panels * kPanelRows * width * bytes);
  if (factor.memory_.data() == nullptr) return Error(Code::kUnavailable, "not enough memory for the adapter");
  factor.view_ = {.rows = rows, .k = k, .code_bytes = code_bytes, .data = factor.memory_.data()};

  std::vector<float>& scales = factor.scales_;
  scales.assign(which == FactorScales::kOfRows ? row_count : width, 0.0f);
  auto scale_of = [&](size_t row, size_t column) -> float& {
    return scales[which == FactorScales::kOfRows ? row : column];
  };
  for (size_t i = 0; i < values.size(); ++i) {
    float& largest = scale_of(i / width, i % width);
    largest = std::max(largest, std::fabs(values[i]));
  }
  std::vector<float> inverses(scales.size());
  for (size_t i = 0; i < scales.size(); ++i) {
    const bool is_zero = scales[i] < kZero;
    inverses[i] = is_zero ? 0.0f : largest_code / scales[i];
    scales[i] = is_zero ? 0.0f : scales[i] / largest_code;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t row = i / width, column = i % width;
    const float inverse = inverses[which == FactorScales::kOfRows ? row : column];
    const float code = std::clamp(std::nearbyint(values[i] * inverse), -largest_code, largest_code);
    uint8_t* const place =
        factor.memory_.data() + ((row / kPanelRows * width + column) * kPanelRows + row % kPanelRows) * bytes;
    const auto integer = static_cast<int16_t>(code);
    std::memcpy(place, &integer, bytes);  // the low byte first
  }
  return factor;
}

FactorView FactorPanels::from_row(int row) const {
  FactorView view = view_;
  view.rows -= row;
  view.data += static_cast<size_t>(row) * static_cast<size_t>(view.k) * static_cast<size_t>(view.code_bytes);
  return view;
}

}  // namespace studio::engine
