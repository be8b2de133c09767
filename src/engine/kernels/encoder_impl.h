// What encoders need beside the elementwise work of decoders: layer norm, GELU and softmax over rows. numerics.md, 8.
#pragma once

#include "engine/kernels/elementwise_impl.h"

namespace studio::engine {

template <class V>
struct EncoderKernels {
  using F = typename V::F;
  using E = Elementwise<V>;
  static constexpr int kParts = E::kParts;

  // term(value, k) of each value, summed over the 16 virtual lanes; lanes past the end add 0.
  template <typename Fn>
  STUDIO_INLINE float sum_of(const float* x, int n, Fn term) {
    F sum[kParts];
    for (F& s : sum) s = V::splat(0.0f);
    for (int base = 0; base < n; base += 16) {
      for (int p = 0; p < kParts; ++p) {
        const int at = base + p * V::kLanes, left = n - at;
        if (left <= 0) continue;
        sum[p] = term(E::load_upto(x + at, left), left, sum[p]);
      }
    }
    return V::tree_sum(sum);
  }

  static void layer_norm(const NormInput& in, const float* bias, float* y, size_t y_stride, int begin, int end) {
    for (int c = begin; c < end; ++c) {
      const float* x = in.x + static_cast<size_t>(c) * in.stride;
      float* out = y + static_cast<size_t>(c) * y_stride;
      const auto add = [](F value, int, F sum) __attribute__((always_inline)) { return V::add(sum, value); };
      const F mean = V::splat(sum_of(x, in.k, add) / static_cast<float>(in.k));
      const auto add_square = [&](F value, int left, F sum) __attribute__((always_inline)) {
        const F off = V::sub(value, mean);
        const F kept = left >= V::kLanes ? off : V::select(V::first(left), off, V::splat(0.0f));
        return V::fma(kept, kept, sum);
      };
      const float variance = sum_of(x, in.k, add_square) / static_cast<float>(in.k);
      const F factor = V::splat(1.0f / V::sqrt(variance + in.eps));
      for (int k = 0; k < in.k; k += V::kLanes) {
        const int n = in.k - k;
        const F scaled = V::mul(V::sub(E::load_upto(x + k, n), mean), factor);
        V::store_first(out + k, V::fma(scaled, E::load_upto(in.weight + k, n), E::load_upto(bias + k, n)), n);
      }
    }
  }

  // x Phi(x). (Phi(x) - 1/2) / x is even and smooth: a ratio P / Q of polynomials of degree 5 in x^2, fitted by
  // weighted least squares to 1e-8 of Phi on |x| <= 5.65. Beyond, Phi is 0 or 1 to the last bit that x Phi(x) would
  // show.
  STUDIO_INLINE F gelu_one(F x) {
    const F end = V::splat(5.65f), start = V::splat(-5.65f);
    const F t = V::min(V::mul(x, x), V::splat(31.9225f));
    F p = V::splat(0x1.778302p-26f), q = V::splat(0x1.3ab0d8p-20f);
    p = V::fma(p, t, V::splat(0x1.ab0d9ap-18f));
    q = V::fma(q, t, V::splat(0x1.3e603cp-14f));
    p = V::fma(p, t, V::splat(0x1.72429ap-13f));
    q = V::fma(q, t, V::splat(0x1.f9826ep-10f));
    p = V::fma(p, t, V::splat(0x1.359072p-8f));
    q = V::fma(q, t, V::splat(0x1.dcb956p-6f));
    p = V::fma(p, t, V::splat(0x1.1be0f6p-5f));
    q = V::fma(q, t, V::splat(0x1.039ce6p-2f));
    p = V::fma(p, t, V::splat(0x1.98844ep-2f));
    q = V::fma(q, t, V::splat(1.0f));
    const F y = V::mul(x, V::fma(x, V::div(p, q), V::splat(0.5f)));
    return V::select(V::less(end, x), x, V::select(V::less(x, start), V::splat(0.0f), y));
  }

  static void gelu(float* x, size_t stride, int n, int begin, int end) {
    for (int c = begin; c < end; ++c) {
      float* const row = x + static_cast<size_t>(c) * stride;
      for (int i = 0; i < n; i += V::kLanes) {
        V::store_first(row + i, gelu_one(E::load_upto(row + i, n - i)), n - i);
      }
    }
  }

  static void softmax(float* x, size_t stride, int n, int begin, int end) {
    for (int c = begin; c < end; ++c) {
      float* const row = x + static_cast<size_t>(c) * stride;
      const F top = V::splat(E::max(row, static_cast<size_t>(n)));
      F sum[kParts];
      for (F& s : sum) s = V::splat(0.0f);
      for (int base = 0; base < n; base += 16) {
        for (int p = 0; p < kParts; ++p) {
          const int at = base + p * V::kLanes, left = n - at;
          if (left <= 0) continue;
          const F power = E::exp_down(V::sub(E::load_upto(row + at, left), top));
          V::store_first(row + at, power, left);
          sum[p] = V::add(sum[p], left >= V::kLanes ? power : V::select(V::first(left), power, V::splat(0.0f)));
        }
      }
      const F share = V::splat(1.0f / V::tree_sum(sum));
      for (int i = 0; i < n; i += V::kLanes) {
        V::store_first(row + i, V::mul(E::load_upto(row + i, n - i), share), n - i);
      }
    }
  }
};

}  // namespace studio::engine
