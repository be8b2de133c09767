// Matrix products over panels of float weights (F32, F16, BF16), written once over the vector layer V (isa_*.h).
// Definition: numerics.md, section 3.
#pragma once

#include "engine/kernels/matmul_dot_impl.h"

namespace studio::engine {

// One fused multiply-add per weight and column, k ascending. A block of kFloatPanels panels by kFloatColumns columns
// stays in registers for all of K, so that each weight and each value that is loaded meets several of the other.
template <class V, DType kType>
struct FloatDot {
  using F = typename V::F;
  static constexpr int kParts = kPanelRows / V::kLanes;
  static constexpr size_t kElementBytes = kType == DType::kF32 ? 4 : 2;
  static constexpr int kGroup = 3;  // columns that one address reaches: x86 adds a register once or twice, not thrice
  static constexpr int kFewColumns = 4;

  STUDIO_INLINE F load(const uint8_t* p) {
    if constexpr (kType == DType::kF32) return V::load(reinterpret_cast<const float*>(p));
    if constexpr (kType == DType::kF16) return V::load_f16(reinterpret_cast<const uint16_t*>(p));
    if constexpr (kType == DType::kBF16) return V::load_bf16(reinterpret_cast<const uint16_t*>(p));
  }

  // kPanels panels from `panel` on by kColumns columns from `column` on.
  template <int kPanels, int kColumns>
  STUDIO_INLINE void block(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int panel, int column) {
    constexpr int kVectors = kPanels * kParts, kGroups = (kColumns + kGroup - 1) / kGroup;
    const auto k = static_cast<size_t>(x.k);
    const uint8_t* weights = w.data + static_cast<size_t>(panel) * w.panel_bytes;
    const float* values[kGroups];
    for (int g = 0; g < kGroups; ++g) values[g] = x.values + static_cast<size_t>(column + g * kGroup) * k;
    F acc[kVectors][kColumns];
#pragma clang loop unroll(full)
    for (int v = 0; v < kVectors; ++v) {
#pragma clang loop unroll(full)
      for (int c = 0; c < kColumns; ++c) acc[v][c] = V::splat(0.0f);
    }
    for (int i = 0; i < w.k; ++i) {
      F weight[kVectors];
#pragma clang loop unroll(full)
      for (int v = 0; v < kVectors; ++v) {
        weight[v] = load(weights + static_cast<size_t>(v / kParts) * w.panel_bytes +
                         static_cast<size_t>(v % kParts * V::kLanes) * kElementBytes);
      }
#pragma clang loop unroll(full)
      for (int c = 0; c < kColumns; ++c) {
        const F value = V::splat(values[c / kGroup][static_cast<size_t>(c % kGroup) * k]);
#pragma clang loop unroll(full)
        for (int v = 0; v < kVectors; ++v) acc[v][c] = V::fma(weight[v], value, acc[v][c]);
      }
      weights += kPanelRows * kElementBytes;
      for (const float*& at : values) {
        ++at;
        asm("" : "+r"(at));  // or clang keeps an address for each column, more than there are registers
      }
    }
#pragma clang loop unroll(full)
    for (int v = 0; v < kVectors; ++v) {
      F sums[kColumns];  // a copy: what is indexed in a loop cannot be in registers
#pragma clang loop unroll(full)
      for (int c = 0; c < kColumns; ++c) sums[c] = acc[v][c];
      const int row = (panel + v / kParts) * kPanelRows + v % kParts * V::kLanes;
      Dot<V, panel_layout(DType::kQ8_0)>::template write<kColumns>(sums, y, row, w.rows, column);
    }
  }

  template <int kPanels>
  STUDIO_INLINE void panels(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int panel) {
    int c = 0;
    for (; c + V::kFloatColumns <= x.columns; c += V::kFloatColumns)
      block<kPanels, V::kFloatColumns>(w, x, y, panel, c);
    if constexpr (V::kFloatColumns > kFewColumns) {
      for (; c + kFewColumns <= x.columns; c += kFewColumns) block<kPanels, kFewColumns>(w, x, y, panel, c);
    }
    for (; c < x.columns; ++c) block<kPanels, 1>(w, x, y, panel, c);
  }

  static void run(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int panel_begin, int panel_end) {
    int p = panel_begin;
    for (; p + V::kFloatPanels <= panel_end; p += V::kFloatPanels) panels<V::kFloatPanels>(w, x, y, p);
    if constexpr (V::kFloatPanels > 1) {
      for (; p < panel_end; ++p) panels<1>(w, x, y, p);
    }
  }
};

}  // namespace studio::engine
