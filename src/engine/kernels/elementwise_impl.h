// Norms, quantisation, activation functions, rotation and sums over the vector layer V. Definition: numerics.md, 2, 4.
//
// Lanes that do not interact may have any width; sums run over 16 virtual lanes, which are 16 / kLanes registers.
#pragma once

#include "engine/kernels/kernel_args.h"

namespace studio::engine {

inline constexpr float kSmallestAmax = 0x1p-92f;  // a block below it counts as zero; its scale would be 2^-99
inline constexpr float kOver127 = 0x1.020408p-7f;

template <class V>
struct Elementwise {
  using F = typename V::F;
  using I = typename V::I;
  static constexpr int kParts = 16 / V::kLanes;  // registers that make the 16 virtual lanes

  // e^x. x = n ln 2 + r with |r| <= ln 2 / 2; e^r by a polynomial 1 + r + r^2 P(r), P minimax of degree 4 (relative
  // error 2^-28), times 2^n, rounded once. Below -87.33 the result is 0, above 88.72 infinity; e^0 is exactly 1.
  STUDIO_INLINE F exp(F x) {
    const F low = V::splat(-87.33654f), high = V::splat(88.72283f);
    const F clamped = V::min(V::max(x, low), high);
    const F n = V::round_float(V::mul(clamped, V::splat(0x1.715476p+0f)));
    F r = V::fma(n, V::splat(-0x1.62e430p-1f), clamped);
    r = V::fma(n, V::splat(0x1.05c610p-29f), r);
    const F result = V::select(V::less(x, low), V::splat(0.0f), V::times_any_power_of_two(exp_of_rest(r), n));
    return V::select(V::less(high, x), V::splat(__builtin_inff()), result);
  }

  // The same for x <= 0, in fewer steps: 2^n is a normal number there.
  STUDIO_INLINE F exp_down(F x) {
    const F low = V::splat(-87.33654f);
    const F clamped = V::max(x, low);
    const F n = V::round_float(V::mul(clamped, V::splat(0x1.715476p+0f)));
    F r = V::fma(n, V::splat(-0x1.62e430p-1f), clamped);
    r = V::fma(n, V::splat(0x1.05c610p-29f), r);
    return V::select(V::less(x, low), V::splat(0.0f), V::times_power_of_two(exp_of_rest(r), n));
  }

  STUDIO_INLINE F exp_of_rest(F r) {
    F p = V::splat(0x1.6a23d0p-10f);
    p = V::fma(p, r, V::splat(0x1.123a20p-7f));
    p = V::fma(p, r, V::splat(0x1.5558f2p-5f));
    p = V::fma(p, r, V::splat(0x1.555492p-3f));
    p = V::fma(p, r, V::splat(0x1.fffffcp-2f));
    p = V::fma(p, r, V::splat(1.0f));
    return V::fma(p, r, V::splat(1.0f));
  }

  // g / (1 + e^-g) * u
  STUDIO_INLINE F swiglu(F g, F u) {
    const F e = exp(V::sub(V::splat(0.0f), g));
    return V::mul(V::div(g, V::add(V::splat(1.0f), e)), u);
  }

  // Where one block of a coded column is kept. Blocks side by side in a batch lie `step` slots apart.
  struct Target {
    int8_t* codes;
    float* scales;
    float* sums;
    int32_t* minus_sums;
    int32_t* minus_halves;
    int32_t* exponents;
    int32_t* quarters;
    int32_t* wild;
    size_t width;
  };

  STUDIO_INLINE Target target_at(const ActivationView& y, size_t row, size_t lane) {
    return {y.codes + (row + lane) * kActivationBlock,
            y.scales + row + lane,
            y.sums + row + lane,
            y.minus_sums + row + lane,
            y.minus_halves + 2 * row + lane,
            y.exponents + row + lane,
            y.quarters + row + lane,
            y.wild,
            static_cast<size_t>(y.width)};
  }

  // Blocks that are quantised together: as many as lanes, so that what there is one number of in a block takes a few
  // instructions for all of them.
  static constexpr int kBatch = 16;
  static constexpr int kFewBlocks = 4;  // for which one after the other is faster
  struct Batch {
    alignas(64) float values[kBatch][kActivationBlock];
  };

  // Of each block the smallest number of two mantissa bits that is not below amax / 127, (1 + quarters / 4) * 2^e, and
  // its inverse: the rounded inverse of the first factor, its exponent lowered by e. All are 0 for a block that counts
  // as zero.
  struct BatchScales {
    alignas(64) float scale[kBatch];
    alignas(64) float inverse[kBatch];
    alignas(64) int32_t exponent[kBatch];  // e << 23
    alignas(64) int32_t quarters[kBatch];  // times 16
    int32_t largest;                       // exponent
  };

  STUDIO_INLINE void scales_for(const float* amax, int n, BatchScales& to) {
    to.largest = 0;
    for (int i = 0; i < n; ++i) {
      constexpr uint32_t kDropped = (1u << 21) - 1;
      const uint32_t bits = (__builtin_bit_cast(uint32_t, amax[i] * kOver127) + kDropped) & ~kDropped;
      const uint32_t quarters = bits >> 21 & 3, exponent = (bits & 0x7f800000u) - 0x3f800000u;
      const float first =
          quarters < 2 ? (quarters == 0 ? 1.0f : 1.0f / 1.25f) : (quarters == 2 ? 1.0f / 1.5f : 1.0f / 1.75f);
      const uint32_t inverse = __builtin_bit_cast(uint32_t, first) - exponent;
      const bool is_zero = amax[i] < kSmallestAmax;
      to.scale[i] = __builtin_bit_cast(float, is_zero ? 0 : bits);
      to.inverse[i] = __builtin_bit_cast(float, is_zero ? 0 : inverse);
      to.exponent[i] = is_zero ? 0 : static_cast<int32_t>(exponent);
      to.quarters[i] = is_zero ? 0 : static_cast<int32_t>(quarters) * 16;
      to.largest = to.exponent[i] > to.largest ? to.exponent[i] : to.largest;
    }
  }

  // Quantises the first n blocks of a batch, which go to t and every `step` slots on, and leaves in their place what
  // the codes miss where someone wants it.
  template <bool kLeavesRest>
  STUDIO_INLINE void quantize_batch(Batch& x, int n, const Target& t, size_t step, size_t half_step) {
    alignas(64) float amax[kBatch] = {};
    alignas(64) int32_t sums[2][kBatch] = {};
    for (int i = 0; i < n; ++i) {
      F top[kParts];
      for (int p = 0; p < kParts; ++p) {
        const float* at = x.values[i] + p * V::kLanes;
        top[p] = V::max(V::abs(V::load(at)), V::abs(V::load(at + 16)));
      }
      amax[i] = V::tree_max(top);
    }
    BatchScales scales;
    if (n <= kFewBlocks) {
      scales_for(amax, n, scales);
    } else {
      scales_for(amax, kBatch, scales);
    }
    for (int i = 0; i < n; ++i) {
      const F inverse = V::splat(scales.inverse[i]), minus_scale = V::splat(0.0f - scales.scale[i]);
      int8_t* const codes = t.codes + static_cast<size_t>(i) * step * kActivationBlock;
      for (int h = 0; h < 2; ++h) {
        for (int p = 0; p < kParts; ++p) {
          float* const at = x.values[i] + 16 * h + p * V::kLanes;
          const F value = V::load(at);
          const I code = V::clamp(V::round(V::mul(value, inverse)), -127, 127);
          if constexpr (kLeavesRest) V::store(at, V::fma(minus_scale, V::to_float(code), value));
          sums[h][i] += V::store_i8(codes + 16 * h + p * V::kLanes, code);
        }
      }
    }
    for (int i = 0; i < n; ++i) {
      const size_t at = static_cast<size_t>(i) * step, half = static_cast<size_t>(i) * half_step;
      t.scales[at] = scales.scale[i];
      t.sums[at] = static_cast<float>(sums[0][i] + sums[1][i]) * scales.scale[i];
      t.minus_sums[at] = (sums[0][i] + sums[1][i]) * -128;
      t.minus_halves[half] = sums[0][i] * -128;
      t.minus_halves[half + t.width] = sums[1][i] * -128;
      t.exponents[at] = scales.exponent[i];
      t.quarters[at] = scales.quarters[i];
    }
    if (scales.largest > kLargestExponent << 23) __atomic_store_n(t.wild, 1, __ATOMIC_RELAXED);
  }

  // y[columns begin .. end] = f(column, k) for k in [k_begin, k_end), in the parts y keeps. f(column, k, n) gives
  // V::kLanes values from k on, of which the first n exist. A batch is one block of neighbouring columns, or, where
  // these are few, neighbouring blocks of one column.
  template <typename Fn>
  STUDIO_INLINE void produce(const ActivationView& y, int begin, int end, int k_begin, int k_end, Fn f) {
    if (y.codes == nullptr) {
      for (int c = begin; c < end; ++c) {
        float* values = y.values + static_cast<size_t>(c) * static_cast<size_t>(y.k);
        for (int k = k_begin; k < k_end; k += V::kLanes) V::store_first(values + k, f(c, k, k_end - k), k_end - k);
      }
      return;
    }
    const int blocks = y.k / kActivationBlock, terms = y.terms;
    const int group_columns = y.width / terms;  // that share a group of coded columns
    for (int c = begin; c < end;) {
      const int group = c / group_columns, lane = c % group_columns;
      const int in_group = group_columns - lane < end - c ? group_columns - lane : end - c;
      const bool is_across = in_group > kFewBlocks;
      const int columns = is_across ? in_group : 1, batch_blocks = is_across ? 1 : kBatch;
      for (int k = k_begin; k < k_end; k += batch_blocks * kActivationBlock) {
        const int left = (k_end - k) / kActivationBlock;
        const int n = is_across ? columns : left < kBatch ? left : kBatch;
        Batch x;
        for (int i = 0; i < n; ++i) {
          const int column = is_across ? c + i : c, at = is_across ? k : k + i * kActivationBlock;
          for (int p = 0; p < 2 * kParts; ++p) {
            const F value = f(column, at + p * V::kLanes, V::kLanes);
            V::store(x.values[i] + p * V::kLanes, value);
            if (y.values != nullptr) {
              V::store(y.values + static_cast<size_t>(column) * static_cast<size_t>(y.k) + at + p * V::kLanes, value);
            }
          }
        }
        const auto row =
            (static_cast<size_t>(group) * static_cast<size_t>(blocks) + static_cast<size_t>(k / kActivationBlock)) *
            static_cast<size_t>(y.width);
        const auto width = static_cast<size_t>(y.width), coded = static_cast<size_t>(terms);
        const size_t step = is_across ? coded : width, half_step = is_across ? coded : 2 * width;
        const Target first = target_at(y, row, static_cast<size_t>(lane) * coded);
        if (terms == 1) {
          quantize_batch<false>(x, n, first, step, half_step);
        } else {
          quantize_batch<true>(x, n, first, step, half_step);
          quantize_batch<false>(x, n, target_at(y, row, static_cast<size_t>(lane) * coded + 1), step, half_step);
        }
      }
      c += columns;
    }
  }

  STUDIO_INLINE F load_upto(const float* p, int n) { return n >= V::kLanes ? V::load(p) : V::load_first(p, n); }

  // 1 / sqrt(mean of squares + eps). Lane j sums x[16 i + j]^2, i ascending; lanes past the end add 0.
  STUDIO_INLINE float inverse_rms(const float* x, int k, float eps) {
    F sum[kParts];
    for (F& s : sum) s = V::splat(0.0f);
    for (int base = 0; base < k; base += 16) {
      for (int i = 0; i < kParts; ++i) {
        const int at = base + i * V::kLanes;
        const F value = at < k ? load_upto(x + at, k - at) : V::splat(0.0f);
        sum[i] = V::fma(value, value, sum[i]);
      }
    }
    return 1.0f / V::sqrt(V::tree_sum(sum) / static_cast<float>(k) + eps);
  }

  static void rms_norm(const NormInput& in, float* y, size_t y_stride, int begin, int end) {
    for (int c = begin; c < end; ++c) {
      const float* x = in.x + static_cast<size_t>(c) * in.stride;
      float* out = y + static_cast<size_t>(c) * y_stride;
      const F factor = V::splat(inverse_rms(x, in.k, in.eps));
      for (int k = 0; k < in.k; k += V::kLanes) {
        const int n = in.k - k;
        V::store_first(out + k, V::mul(V::mul(load_upto(x + k, n), factor), load_upto(in.weight + k, n)), n);
      }
    }
  }

  static void rms_norm_quantize(const NormInput& in, const ActivationView& y, int begin, int end, int k_begin,
                                int k_end) {
    for (int first = begin; first < end; first += kBatch) {
      const int last = first + kBatch < end ? first + kBatch : end;
      float factors[kBatch];
      for (int c = first; c < last; ++c) {
        factors[c - first] = inverse_rms(in.x + static_cast<size_t>(c) * in.stride, in.k, in.eps);
      }
      produce(y, first, last, k_begin, k_end, [&](int c, int k, int n) __attribute__((always_inline)) {
        const float* x = in.x + static_cast<size_t>(c) * in.stride;
        return V::mul(V::mul(load_upto(x + k, n), V::splat(factors[c - first])), load_upto(in.weight + k, n));
      });
    }
  }

  static void quantize(const float* x, size_t stride, const ActivationView& y, int begin, int end, int k_begin,
                       int k_end) {
    produce(y, begin, end, k_begin, k_end, [&](int c, int k, int n) __attribute__((always_inline)) {
      return load_upto(x + static_cast<size_t>(c) * stride + k, n);
    });
  }

  static void swiglu_quantize(const float* gate, const float* up, size_t stride, const ActivationView& y, int begin,
                              int end, int k_begin, int k_end) {
    produce(y, begin, end, k_begin, k_end, [&](int c, int k, int n) __attribute__((always_inline)) {
      const size_t at = static_cast<size_t>(c) * stride + static_cast<size_t>(k - k_begin);
      return swiglu(load_upto(gate + at, n), load_upto(up + at, n));
    });
  }

  // (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin), the products with sin rounded, the rest fused.
  static void rope(const RopeArgs& args, int begin, int end) {
    const int pairs = args.rotary_dim / 2;
    for (int c = begin; c < end; ++c) {
      const float* cos = args.cos + static_cast<size_t>(c) * static_cast<size_t>(pairs);
      const float* sin = args.sin + static_cast<size_t>(c) * static_cast<size_t>(pairs);
      for (int h = 0; h < args.heads; ++h) {
        float* x = args.x + static_cast<size_t>(c) * args.stride + static_cast<size_t>(h) * args.head_dim;
        if (args.interleaved) {
          rotate_neighbours(x, cos, sin, pairs);
        } else {
          rotate_halves(x, cos, sin, pairs);
        }
      }
    }
  }

  STUDIO_INLINE void rotate_halves(float* x, const float* cos, const float* sin, int pairs) {
    for (int i = 0; i < pairs; i += V::kLanes) {
      const int n = pairs - i;
      const F x1 = load_upto(x + i, n), x2 = load_upto(x + pairs + i, n);
      const F c = load_upto(cos + i, n), s = load_upto(sin + i, n);
      const F first = V::fma(x1, c, V::sub(V::splat(0.0f), V::mul(x2, s)));
      const F second = V::fma(x2, c, V::mul(x1, s));
      V::store_first(x + i, first, n);
      V::store_first(x + pairs + i, second, n);
    }
  }

  STUDIO_INLINE void rotate_neighbours(float* x, const float* cos, const float* sin, int pairs) {
    for (int i = 0; i < pairs; ++i) {
      const float x1 = x[2 * i], x2 = x[2 * i + 1];
      x[2 * i] = __builtin_fmaf(x1, cos[i], 0.0f - x2 * sin[i]);
      x[2 * i + 1] = __builtin_fmaf(x2, cos[i], x1 * sin[i]);
    }
  }

  static void add(float* y, const float* x, size_t n) {
    size_t i = 0;
    for (; i + V::kLanes <= n; i += V::kLanes) V::store(y + i, V::add(V::load(y + i), V::load(x + i)));
    for (; i < n; ++i) y[i] = y[i] + x[i];
  }

  static void exp_all(float* y, const float* x, size_t n) {
    for (size_t i = 0; i < n; i += V::kLanes) {
      const int left = n - i < 64 ? static_cast<int>(n - i) : 64;
      V::store_first(y + i, exp(load_upto(x + i, left)), left);
    }
  }

  static float max(const float* x, size_t n) {
    F top[kParts];
    for (F& t : top) t = V::splat(x[0]);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
      for (int p = 0; p < kParts; ++p) top[p] = V::max(top[p], V::load(x + i + p * V::kLanes));
    }
    float result = V::tree_max(top);
    for (; i < n; ++i) result = x[i] > result ? x[i] : result;
    return result;
  }

  // Lane j sums e^(x[16 i + j] - subtract), i ascending; lanes past the end add 0.
  static float sum_exp(const float* x, size_t n, float subtract) {
    F sum[kParts];
    for (F& s : sum) s = V::splat(0.0f);
    for (size_t base = 0; base < n; base += 16) {
      for (int p = 0; p < kParts; ++p) {
        const size_t at = base + static_cast<size_t>(p) * V::kLanes;
        const int left = at >= n ? 0 : n - at < 64 ? static_cast<int>(n - at) : 64;
        if (left == 0) continue;
        const F term = exp(V::sub(load_upto(x + at, left), V::splat(subtract)));
        sum[p] = V::add(sum[p], left >= V::kLanes ? term : V::select(V::first(left), term, V::splat(0.0f)));
      }
    }
    return V::tree_sum(sum);
  }
};

}  // namespace studio::engine
