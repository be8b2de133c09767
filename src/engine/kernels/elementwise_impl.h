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

  // Where coded column `column` of an Activations keeps block 0, and the step to the next block.
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

  STUDIO_INLINE Target target_at(const ActivationView& y, int column, int block) {
    const auto width = static_cast<size_t>(y.width);
    const size_t group = static_cast<size_t>(column) / width, lane = static_cast<size_t>(column) % width;
    const size_t row = (group * static_cast<size_t>(y.k / kActivationBlock) + static_cast<size_t>(block)) * width;
    return {y.codes + (row + lane) * kActivationBlock,
            y.scales + row + lane,
            y.sums + row + lane,
            y.minus_sums + row + lane,
            y.minus_halves + 2 * row + lane,
            y.exponents + row + lane,
            y.quarters + row + lane,
            y.wild,
            width};
  }

  // The smallest number of two mantissa bits that is not below amax / 127, 0 for a block that counts as zero.
  STUDIO_INLINE float scale_for(float amax) {
    if (amax < kSmallestAmax) return 0.0f;
    constexpr uint32_t kDropped = (1u << 21) - 1;
    return __builtin_bit_cast(float, (__builtin_bit_cast(uint32_t, amax* kOver127) + kDropped) & ~kDropped);
  }

  // 1 / ((1 + quarters / 4) * 2^e), given e << 23: the rounded inverse of the first factor, its exponent lowered by e.
  STUDIO_INLINE float inverse_of(uint32_t quarters, uint32_t exponent) {
    constexpr float kInverses[4] = {1.0f, 1.0f / 1.25f, 1.0f / 1.5f, 1.0f / 1.75f};
    return __builtin_bit_cast(float, __builtin_bit_cast(uint32_t, kInverses[quarters]) - exponent);
  }

  // Quantises 32 values held in registers, leaves in their place what the codes miss, and steps to the next block.
  STUDIO_INLINE void quantize_block(F* x, Target& t) {
    F top[kParts];
    for (int i = 0; i < kParts; ++i) top[i] = V::max(V::abs(x[i]), V::abs(x[kParts + i]));
    const float amax = V::tree_max(top);
    const float scale = scale_for(amax);
    const uint32_t bits = __builtin_bit_cast(uint32_t, scale);
    const uint32_t exponent = scale == 0.0f ? 0 : (bits & 0x7f800000u) - 0x3f800000u, quarters = bits >> 21 & 3;
    const F inverse = V::splat(scale == 0.0f ? 0.0f : inverse_of(quarters, exponent));
    const F minus_scale = V::splat(0.0f - scale);
    int32_t sums[2];
    for (int h = 0; h < 2; ++h) {
      sums[h] = 0;
      for (int i = 0; i < kParts; ++i) {
        F& value = x[h * kParts + i];
        const I code = V::clamp(V::round(V::mul(value, inverse)), -127, 127);
        value = V::fma(minus_scale, V::to_float(code), value);
        sums[h] += V::store_i8(t.codes + 16 * h + i * V::kLanes, code);
      }
    }
    *t.scales = scale;
    *t.sums = static_cast<float>(sums[0] + sums[1]) * scale;
    *t.minus_sums = (sums[0] + sums[1]) * -128;
    t.minus_halves[0] = sums[0] * -128;
    t.minus_halves[t.width] = sums[1] * -128;
    *t.exponents = static_cast<int32_t>(exponent);
    *t.quarters = static_cast<int32_t>(quarters) * 16;
    if (*t.exponents > kLargestExponent << 23) __atomic_store_n(t.wild, 1, __ATOMIC_RELAXED);
    t.codes += t.width * kActivationBlock;
    t.scales += t.width;
    t.sums += t.width;
    t.minus_sums += t.width;
    t.exponents += t.width;
    t.quarters += t.width;
    t.minus_halves += 2 * t.width;
  }

  // y[column] = f(k) for k in [k_begin, k_end), in the parts y keeps. f(k, n) gives V::kLanes values from k on, of
  // which the first n exist.
  template <typename Fn>
  STUDIO_INLINE void produce(const ActivationView& y, int column, int k_begin, int k_end, Fn f) {
    float* values = y.values == nullptr ? nullptr : y.values + static_cast<size_t>(column) * static_cast<size_t>(y.k);
    if (y.codes == nullptr) {
      for (int k = k_begin; k < k_end; k += V::kLanes) V::store_first(values + k, f(k, k_end - k), k_end - k);
      return;
    }
    Target first = target_at(y, column * y.terms, k_begin / kActivationBlock);
    Target second = y.terms == 2 ? target_at(y, column * 2 + 1, k_begin / kActivationBlock) : first;
    for (int k = k_begin; k < k_end; k += kActivationBlock) {
      F x[2 * kParts];
      for (int i = 0; i < 2 * kParts; ++i) {
        x[i] = f(k + i * V::kLanes, V::kLanes);
        if (values != nullptr) V::store(values + k + i * V::kLanes, x[i]);
      }
      quantize_block(x, first);
      if (y.terms == 2) quantize_block(x, second);
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
    for (int c = begin; c < end; ++c) {
      const float* x = in.x + static_cast<size_t>(c) * in.stride;
      const F factor = V::splat(inverse_rms(x, in.k, in.eps));
      produce(y, c, k_begin, k_end, [&](int k, int n) __attribute__((always_inline)) {
        return V::mul(V::mul(load_upto(x + k, n), factor), load_upto(in.weight + k, n));
      });
    }
  }

  static void quantize(const float* x, size_t stride, const ActivationView& y, int begin, int end, int k_begin,
                       int k_end) {
    for (int c = begin; c < end; ++c) {
      const float* row = x + static_cast<size_t>(c) * stride;
      produce(y, c, k_begin, k_end, [&](int k, int n) __attribute__((always_inline)) { return load_upto(row + k, n); });
    }
  }

  static void swiglu_quantize(const float* gate, const float* up, size_t stride, const ActivationView& y, int begin,
                              int end, int k_begin, int k_end) {
    for (int c = begin; c < end; ++c) {
      const float* g = gate + static_cast<size_t>(c) * stride;
      const float* u = up + static_cast<size_t>(c) * stride;
      produce(y, c, k_begin, k_end, [&](int k, int n) __attribute__((always_inline)) {
        return swiglu(load_upto(g + k - k_begin, n), load_upto(u + k - k_begin, n));
      });
    }
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
