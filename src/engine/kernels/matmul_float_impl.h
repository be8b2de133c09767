// Matrix products over panels of float weights (F32, F16, BF16), written once over the vector layer V (isa_*.h).
// Definition: numerics.md, section 3.
#pragma once

#include "engine/kernels/matmul_dot_impl.h"

namespace studio::engine {

// One fused multiply-add per weight and column, k ascending.
template <class V, DType kType>
struct FloatDot {
  using F = typename V::F;
  static constexpr int kParts = kPanelRows / V::kLanes;
  static constexpr size_t kElementBytes = kType == DType::kF32 ? 4 : 2;

  STUDIO_INLINE F load(const uint8_t* p) {
    if constexpr (kType == DType::kF32) return V::load(reinterpret_cast<const float*>(p));
    if constexpr (kType == DType::kF16) return V::load_f16(reinterpret_cast<const uint16_t*>(p));
    if constexpr (kType == DType::kBF16) return V::load_bf16(reinterpret_cast<const uint16_t*>(p));
  }

  template <int kColumns>
  STUDIO_INLINE void columns(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int panel,
                             int column) {
    for (int part = 0; part < kParts; ++part) {
      const uint8_t* weights = w.data + static_cast<size_t>(panel) * w.panel_bytes + part * V::kLanes * kElementBytes;
      const float* values = x.values + static_cast<size_t>(column) * static_cast<size_t>(x.k);
      F acc[kColumns];
      for (F& a : acc) a = V::splat(0.0f);
      for (int k = 0; k < w.k; ++k) {
        const F weight = load(weights + static_cast<size_t>(k) * kPanelRows * kElementBytes);
#pragma clang loop unroll(full)
        for (int c = 0; c < kColumns; ++c) {
          acc[c] = V::fma(weight, V::splat(values[static_cast<size_t>(c) * static_cast<size_t>(x.k) + k]), acc[c]);
        }
      }
      Dot<V, panel_layout(DType::kQ8_0)>::template write<kColumns>(acc, y, panel * kPanelRows + part * V::kLanes,
                                                                   w.rows, column);
    }
  }

  static void run(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int panel_begin, int panel_end) {
    for (int p = panel_begin; p < panel_end; ++p) {
      int c = 0;
      for (; c + V::kColumns <= x.columns; c += V::kColumns) columns<V::kColumns>(w, x, y, p, c);
      for (; c < x.columns; ++c) columns<1>(w, x, y, p, c);
    }
  }
};

}  // namespace studio::engine
