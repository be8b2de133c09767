#include "engine/kernels/int16_panels.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace studio::engine {
namespace {

constexpr int64_t kBuildPanels = 4;  // that a thread packs at a time

// Row `row` of a panel: its codes, and their scale.
float pack_row(const std::vector<float>& values, int row, int16_t* panel) {
  float amax = 0;
  for (const float value : values) amax = std::max(amax, std::abs(value));
  if (amax < 0x1p-92f) return 0;  // its scale would be near the end of what floats hold; the codes are 0 already
  const float inverse = static_cast<float>(kInt16WeightCode) / amax;
  for (size_t k = 0; k < values.size(); ++k) {
    panel[(k / 2 * kPanelRows + static_cast<size_t>(row)) * 2 + k % 2] =
        static_cast<int16_t>(std::nearbyint(values[k] * inverse));
  }
  return amax / static_cast<float>(kInt16WeightCode);
}

}  // namespace

Result<Int16Panels> Int16Panels::build(const PanelMatrix& weights, ThreadPool& pool) {
  const auto panels = static_cast<size_t>(weights.panels()), k = static_cast<size_t>(weights.k());
  const size_t panel_words = (k + 1) / 2 * 2 * kPanelRows, scales_at = panels * panel_words * sizeof(int16_t);
  Int16Panels built;
  built.bytes_ = scales_at + panels * kPanelRows * sizeof(float);
  built.memory_ = WeightMemory(built.bytes_);  // zeroed
  if (built.memory_.data() == nullptr) return Error(Code::kUnavailable, "not enough memory for the model's weights");
  auto* const codes = reinterpret_cast<int16_t*>(built.memory_.data());
  auto* const scales = reinterpret_cast<float*>(built.memory_.data() + scales_at);
  built.view_ = {.rows = weights.rows(), .k = weights.k(), .codes = codes, .scales = scales};
  pool.parallel_for(weights.panels(), kBuildPanels, [&](int64_t begin, int64_t end, int) {
    std::vector<float> values(k);
    const int last = std::min(static_cast<int>(end) * kPanelRows, weights.rows());
    for (int row = static_cast<int>(begin) * kPanelRows; row < last; ++row) {
      weights.decode_row(row, values.data());
      scales[row] = pack_row(values, row % kPanelRows, codes + static_cast<size_t>(row / kPanelRows) * panel_words);
    }
  });
  return built;
}

}  // namespace studio::engine
