// Products with integer factors over the vector layer V (isa_*.h), which has load_i16 besides. Definition:
// factor_product.h.
//
// A row's sum is one chain of additions, so a processor needs eight of them under way at once: of several panels where
// there is one column, as for a token that is decoded, of several columns where there are more.
#pragma once

#include "engine/kernels/factor_product.h"

namespace studio::engine {

template <class V, int kBytes>
struct FactorDot {
  using F = typename V::F;
  static constexpr int kParts = kPanelRows / V::kLanes;
  static constexpr int kChains = 8;
  static constexpr int kColumns = kChains / (2 * kParts);  // with two panels
  static constexpr int kPanels = kChains / kParts;         // with one column

  STUDIO_INLINE F load(const uint8_t* p) {
    if constexpr (kBytes == 1) return V::to_float(V::load_i8(p));
    if constexpr (kBytes == 2) return V::to_float(V::load_i16(p));
  }

  template <int kPanelCount, int kColumnCount>
  STUDIO_INLINE void block(const FactorView& w, const float* x, const MatmulOutput& y, int panel, int column) {
    const size_t k_size = static_cast<size_t>(w.k), panel_bytes = k_size * kPanelRows * kBytes;
    const uint8_t* codes = w.data + static_cast<size_t>(panel) * panel_bytes;
    const float* values = x + static_cast<size_t>(column) * k_size;
    F acc[kPanelCount][kParts][kColumnCount];
    for (auto& of_panel : acc) {
      for (auto& of_part : of_panel) {
        for (F& a : of_part) a = V::splat(0.0f);
      }
    }
    for (size_t k = 0; k < k_size; ++k, codes += kPanelRows * kBytes) {
#pragma clang loop unroll(full)
      for (int p = 0; p < kPanelCount; ++p) {
#pragma clang loop unroll(full)
        for (int part = 0; part < kParts; ++part) {
          const F weight = load(codes + static_cast<size_t>(p) * panel_bytes + part * V::kLanes * kBytes);
#pragma clang loop unroll(full)
          for (int c = 0; c < kColumnCount; ++c) {
            acc[p][part][c] = V::fma(weight, V::splat(values[static_cast<size_t>(c) * k_size + k]), acc[p][part][c]);
          }
        }
      }
    }
    for (int p = 0; p < kPanelCount; ++p) {
      for (int part = 0; part < kParts; ++part) {
        const int row = (panel + p) * kPanelRows + part * V::kLanes;
        if (row >= w.rows) break;
        for (int c = 0; c < kColumnCount; ++c) {
          float* out = y.out + static_cast<size_t>(column + c) * y.stride + row;
          F value = acc[p][part][c];
          if (y.add) value = V::add(V::load_first(out, w.rows - row), value);
          V::store_first(out, value, w.rows - row);
        }
      }
    }
  }

  template <int kPanelCount, int kColumnCount>
  static void panels(const FactorView& w, const float* x, const MatmulOutput& y, int begin, int end, int column) {
    int panel = begin;
    for (; panel + kPanelCount <= end; panel += kPanelCount) block<kPanelCount, kColumnCount>(w, x, y, panel, column);
    for (; panel < end; ++panel) block<1, kColumnCount>(w, x, y, panel, column);
  }

  static void run(const FactorView& w, const float* x, int columns, const MatmulOutput& y, int begin, int end) {
    int column = 0;
    for (; column + kColumns <= columns; column += kColumns) panels<2, kColumns>(w, x, y, begin, end, column);
    for (; column < columns; ++column) panels<kPanels, 1>(w, x, y, begin, end, column);
  }
};

template <class V>
STUDIO_INLINE void run_factor_product(const FactorView& w, const float* x, int columns, const MatmulOutput& y,
                                      int begin, int end) {
  if (w.code_bytes == 1) return FactorDot<V, 1>::run(w, x, columns, y, begin, end);
  FactorDot<V, 2>::run(w, x, columns, y, begin, end);
}

}  // namespace studio::engine
