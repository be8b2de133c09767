// Products in integers of 16 bits over the vector layer V (isa_*.h). Definition: numerics.md, section 9.
//
// V has besides: dot_words(acc, w, a), acc and both products of each lane's signed words; splat_words(p), the two at p
// in each lane; store_i16(p, a), values that fit; join_words(low, high), each lane's low words of both.
#pragma once

#include "engine/kernels/elementwise_impl.h"
#include "engine/kernels/int16_kernels.h"
#include "engine/kernels/matmul_dot_impl.h"

namespace studio::engine {

// A block of kFloatPanels panels by kFloatColumns columns stays in registers for a group of K, as in FloatDot; its sums
// so far wait in the first-level cache.
template <class V>
struct Int16Dot {
  using F = typename V::F;
  using I = typename V::I;
  static constexpr int kParts = kPanelRows / V::kLanes;
  static constexpr int kAddressed = 3;  // columns that one address reaches: x86 adds a register once or twice
  static constexpr int kFewColumns = 4, kSomeColumns = 8;

  // kPanels panels from `panel` on by kColumns columns from `column` on.
  template <int kPanels, int kColumns>
  STUDIO_INLINE void block(const Int16PanelView& w, const Int16ColumnView& x, const MatmulOutput& y, int panel,
                           int column) {
    constexpr int kVectors = kPanels * kParts, kAddresses = (kColumns + kAddressed - 1) / kAddressed;
    const int pairs = (w.k + 1) / 2, group_pairs = x.group / 2;
    const size_t panel_words = static_cast<size_t>(pairs) * kPanelRows * 2;
    const int16_t* weights = w.codes + static_cast<size_t>(panel) * panel_words;
    const int16_t* inputs[kAddresses];
    for (int a = 0; a < kAddresses; ++a) {
      inputs[a] = x.codes + static_cast<size_t>(column + a * kAddressed) * x.stride;
    }
    alignas(64) float sums[kColumns][kVectors * V::kLanes];  // in memory: registers hold the integers
    for (int begin = 0, group = 0; begin < pairs; begin += group_pairs, ++group) {
      I acc[kVectors][kColumns];
#pragma clang loop unroll(full)
      for (int v = 0; v < kVectors; ++v) {
#pragma clang loop unroll(full)
        for (int c = 0; c < kColumns; ++c) acc[v][c] = V::zero();
      }
      const int n = pairs - begin < group_pairs ? pairs - begin : group_pairs;
      for (int i = 0; i < n; ++i) {
        I weight[kVectors];
#pragma clang loop unroll(full)
        for (int v = 0; v < kVectors; ++v) {
          const int16_t* at = weights + static_cast<size_t>(v / kParts) * panel_words + v % kParts * V::kLanes * 2;
          weight[v] = V::load(reinterpret_cast<const int32_t*>(at));
        }
#pragma clang loop unroll(full)
        for (int c = 0; c < kColumns; ++c) {
          const I value = V::splat_words(inputs[c / kAddressed] + static_cast<size_t>(c % kAddressed) * x.stride);
#pragma clang loop unroll(full)
          for (int v = 0; v < kVectors; ++v) acc[v][c] = V::dot_words(acc[v][c], weight[v], value);
        }
        weights += kPanelRows * 2;
        for (const int16_t*& at : inputs) {
          at += 2;
          asm("" : "+r"(at));  // or clang keeps an address for each column, more than there are registers
        }
      }
      const float* scale = x.scales + static_cast<size_t>(column) * x.scales_stride + (x.scales_stride > 0 ? group : 0);
      if (pairs <= group_pairs) {  // the only one: nothing waits in memory
        return write_group<kPanels, kColumns>(acc, scale, w, x, y, panel, column);
      }
      if (begin == 0) {
        add_group<true, kVectors, kColumns>(acc, scale, x.scales_stride, sums);
      } else {
        add_group<false, kVectors, kColumns>(acc, scale, x.scales_stride, sums);
      }
    }
    for (int v = 0; v < kVectors; ++v) {
      const int row = (panel + v / kParts) * kPanelRows + v % kParts * V::kLanes;
      F values[kColumns];
#pragma clang loop unroll(full)
      for (int c = 0; c < kColumns; ++c) values[c] = V::load(sums[c] + v * V::kLanes);
      write<kColumns>(values, V::load(w.scales + row), y, row, w.rows, column);
    }
  }

  template <int kPanels, int kColumns>
  STUDIO_INLINE void write_group(const I (&acc)[kPanels * kParts][kColumns], const float* scale,
                                 const Int16PanelView& w, const Int16ColumnView& x, const MatmulOutput& y, int panel,
                                 int column) {
#pragma clang loop unroll(full)
    for (int v = 0; v < kPanels * kParts; ++v) {
      const int row = (panel + v / kParts) * kPanelRows + v % kParts * V::kLanes;
      F values[kColumns];
#pragma clang loop unroll(full)
      for (int c = 0; c < kColumns; ++c) {
        values[c] = V::mul(V::to_float(acc[v][c]), V::splat(scale[static_cast<size_t>(c) * x.scales_stride]));
      }
      write<kColumns>(values, V::load(w.scales + row), y, row, w.rows, column);
    }
  }

  // sums = acc * scale, plus what they were unless it is the first group.
  template <bool kIsFirst, int kVectors, int kColumns>
  STUDIO_INLINE void add_group(const I (&acc)[kVectors][kColumns], const float* scale, size_t stride,
                               float (&sums)[kColumns][kVectors * V::kLanes]) {
#pragma clang loop unroll(full)
    for (int c = 0; c < kColumns; ++c, scale += stride) {
      const F factor = V::splat(*scale);
#pragma clang loop unroll(full)
      for (int v = 0; v < kVectors; ++v) {
        float* const at = sums[c] + v * V::kLanes;
        const F value = V::to_float(acc[v][c]);
        V::store(at, kIsFirst ? V::mul(value, factor) : V::fma(value, factor, V::load(at)));
      }
    }
  }

  // y of kColumns columns from one part's sums, times the scales of its rows.
  template <int kColumns>
  STUDIO_INLINE void write(F (&values)[kColumns], F scales, const MatmulOutput& y, int row, int rows, int column) {
#pragma clang loop unroll(full)
    for (int c = 0; c < kColumns; ++c) values[c] = V::mul(values[c], scales);
    if (rows - row < V::kLanes) {
      F copy[kColumns];  // what is indexed in a loop, as there, cannot be in registers
#pragma clang loop unroll(full)
      for (int c = 0; c < kColumns; ++c) copy[c] = values[c];
      return Dot<V, panel_layout(DType::kQ8_0)>::template write<kColumns>(copy, y, row, rows, column);
    }
    float* const out = y.out + static_cast<size_t>(column) * y.stride + row;
    if (y.bias != nullptr) {
      const F bias = V::load(y.bias + row);
#pragma clang loop unroll(full)
      for (int c = 0; c < kColumns; ++c) values[c] = V::add(values[c], bias);
    }
    if (y.add) {
#pragma clang loop unroll(full)
      for (int c = 0; c < kColumns; ++c) {
        values[c] = V::add(V::load(out + static_cast<size_t>(c) * y.stride), values[c]);
      }
    }
#pragma clang loop unroll(full)
    for (int c = 0; c < kColumns; ++c) V::store(out + static_cast<size_t>(c) * y.stride, values[c]);
  }

  // The panels that come next, asked for in equal shares with each block: they come from the last-level cache or from
  // memory, and the first block would wait for every line of them.
  struct Ahead {
    const uint8_t* at;
    const uint8_t* end;
    size_t step;

    __attribute__((always_inline)) void ask() {
      const uint8_t* const until = static_cast<size_t>(end - at) > step ? at + step : end;
      for (; at < until; at += 64) __builtin_prefetch(at, 0, 2);
    }
  };

  template <int kPanels, int kColumns>
  STUDIO_INLINE void blocks(const Int16PanelView& w, const Int16ColumnView& x, const MatmulOutput& y, int panel,
                            int& column, Ahead& ahead) {
    for (; column + kColumns <= x.columns; column += kColumns) {
      ahead.ask();
      block<kPanels, kColumns>(w, x, y, panel, column);
    }
  }

  template <int kPanels>
  STUDIO_INLINE void panels(const Int16PanelView& w, const Int16ColumnView& x, const MatmulOutput& y, int panel,
                            int panel_end) {
    const size_t bytes = static_cast<size_t>((w.k + 1) / 2) * kPanelRows * 2 * sizeof(int16_t);
    const auto* const next = reinterpret_cast<const uint8_t*>(w.codes) + static_cast<size_t>(panel + kPanels) * bytes;
    const auto count =
        static_cast<size_t>(panel_end - panel - kPanels < kPanels ? panel_end - panel - kPanels : kPanels);
    const auto asked = static_cast<size_t>(x.columns / V::kFloatColumns + 1);
    Ahead ahead{next, next + count * bytes, (count * bytes / asked + 64) / 64 * 64};
    int column = 0;
    blocks<kPanels, V::kFloatColumns>(w, x, y, panel, column, ahead);
    if constexpr (V::kFloatColumns > kSomeColumns) blocks<kPanels, kSomeColumns>(w, x, y, panel, column, ahead);
    if constexpr (V::kFloatColumns > kFewColumns) blocks<kPanels, kFewColumns>(w, x, y, panel, column, ahead);
    blocks<kPanels, 1>(w, x, y, panel, column, ahead);
  }

  static void run(const Int16PanelView& w, const Int16ColumnView& x, const MatmulOutput& y, int panel_begin,
                  int panel_end) {
    int p = panel_begin;
    for (; p + V::kFloatPanels <= panel_end; p += V::kFloatPanels) panels<V::kFloatPanels>(w, x, y, p, panel_end);
    if constexpr (V::kFloatPanels > 1) {
      for (; p < panel_end; ++p) panels<1>(w, x, y, p, panel_end);
    }
  }
};

template <class V>
struct Int16Columns {
  using F = typename V::F;
  using E = Elementwise<V>;

  // What codes of a largest magnitude `most` stand for where values reach amax, and the factor that makes them.
  struct Scale {
    float scale, inverse;
  };
  STUDIO_INLINE Scale scale_for(float amax, int most) {
    if (amax < kSmallestAmax) return {0, 0};
    return {amax / static_cast<float>(most), static_cast<float>(most) / amax};
  }

  // Lanes past the end count as 0. Four maxima at a time, or each would wait for the one before.
  STUDIO_INLINE float amax(const float* x, int n) {
    constexpr int kTops = 4 * E::kParts, kStep = kTops * V::kLanes;
    F top[kTops];
    for (F& t : top) t = V::splat(0.0f);
    int i = 0;
    for (; i + kStep <= n; i += kStep) {
#pragma clang loop unroll(full)
      for (int p = 0; p < kTops; ++p) top[p] = V::max(top[p], V::abs(V::load(x + i + p * V::kLanes)));
    }
    for (; i < n; i += V::kLanes) top[0] = V::max(top[0], V::abs(E::load_upto(x + i, n - i)));
    F lanes[E::kParts];
    for (int p = 0; p < E::kParts; ++p) {
      lanes[p] = V::max(V::max(top[4 * p], top[4 * p + 1]), V::max(top[4 * p + 2], top[4 * p + 3]));
    }
    return V::tree_max(lanes);
  }

  // codes [n rounded up to an even number].
  STUDIO_INLINE void codes_of(const float* x, int n, float inverse, int16_t* codes) {
    const F factor = V::splat(inverse);
    int i = 0;
    for (; i + V::kLanes <= n; i += V::kLanes) {
      V::store_i16(codes + i, V::round(V::mul(V::load(x + i), factor)));
    }
    if (i == n) return;
    int16_t last[V::kLanes];
    V::store_i16(last, V::round(V::mul(V::load_first(x + i, n - i), factor)));
    for (int k = i; k < n + n % 2; ++k) codes[k] = last[k - i];
  }

  static void quantize(const float* x, size_t stride, const Int16ColumnView& y, int begin, int end) {
    for (int c = begin; c < end; ++c) {
      const float* const row = x + static_cast<size_t>(c) * stride;
      float* scales = y.scales + static_cast<size_t>(c) * y.scales_stride;
      int16_t* const codes = y.codes + static_cast<size_t>(c) * y.stride;
      for (int k = 0; k < y.k; k += y.group) {
        const int n = y.k - k < y.group ? y.k - k : y.group;
        const Scale scale = scale_for(amax(row + k, n), kInt16Code);
        codes_of(row + k, n, scale.inverse, codes + k);
        *scales++ = scale.scale;
      }
    }
  }
};

}  // namespace studio::engine
