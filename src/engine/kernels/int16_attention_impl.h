// Attention within a text in integers of 16 bits, over the vector layer V (isa_*.h): keys and values become weights,
// queries and softmax's shares inputs of two products. Definition: numerics.md, section 9.
#pragma once

#include "engine/kernels/int16_impl.h"

namespace studio::engine {

template <class V>
struct Int16Attention {
  using F = typename V::F;
  using I = typename V::I;
  using E = Elementwise<V>;
  using C = Int16Columns<V>;

  // Rows are tokens; a pair of a key's codes is one lane of a panel.
  STUDIO_INLINE void pack_keys(const Int16AttentionArgs& in, const Int16Scratch& to) {
    const int dim = in.head_dim, panels = (in.tokens + kPanelRows - 1) / kPanelRows;
    for (int t = 0; t < panels * kPanelRows; ++t) {
      int16_t codes[kMaxHeadDim];
      if (t < in.tokens) {
        const float* const key = in.k + static_cast<size_t>(t) * in.stride;
        const auto scale = C::scale_for(C::amax(key, dim), kInt16WeightCode);
        C::codes_of(key, dim, scale.inverse, codes);
        to.key_scales[t] = scale.scale;
      } else {
        for (int d = 0; d < dim; ++d) codes[d] = 0;
        to.key_scales[t] = 0;
      }
      int16_t* out =
          to.keys + static_cast<size_t>(t / kPanelRows) * kPanelRows * static_cast<size_t>(dim) + t % kPanelRows * 2;
      for (int d = 0; d < dim; d += 2, out += kPanelRows * 2) __builtin_memcpy(out, codes + d, 4);
    }
  }

  // Rows are the head's values, K is the tokens: two tokens' codes share a lane.
  STUDIO_INLINE void pack_values(const Int16AttentionArgs& in, const Int16Scratch& to) {
    const int pairs = (in.tokens + 1) / 2;
    for (int d = 0; d < in.head_dim; d += V::kLanes) {
      const float* const from = in.v + d;
      F top = V::splat(0.0f);
      for (int t = 0; t < in.tokens; ++t) top = V::max(top, V::abs(V::load(from + static_cast<size_t>(t) * in.stride)));
      const auto is_zero = V::less(top, V::splat(kSmallestAmax));
      const F most = V::splat(static_cast<float>(kInt16WeightCode));
      const F inverse = V::select(is_zero, V::splat(0.0f), V::div(most, top));
      V::store(to.value_scales + d, V::select(is_zero, V::splat(0.0f), V::div(top, most)));
      int16_t* out = to.values + static_cast<size_t>(d / kPanelRows) * static_cast<size_t>(pairs) * kPanelRows * 2 +
                     d % kPanelRows * 2;
      for (int t = 0; t < in.tokens; t += 2, out += kPanelRows * 2) {
        const float* const at = from + static_cast<size_t>(t) * in.stride;
        const I first = V::round(V::mul(V::load(at), inverse));
        const I second = t + 1 < in.tokens ? V::round(V::mul(V::load(at + in.stride), inverse)) : V::zero();
        V::store(reinterpret_cast<int32_t*>(out), V::join_words(first, second));
      }
    }
  }

  // Scores of a row become codes of e^(score - top); returns 1 over their sum.
  STUDIO_INLINE float shares_of(const float* scores, int n, int16_t* codes) {
    const F top = V::splat(E::max(scores, static_cast<size_t>(n))),
            most = V::splat(static_cast<float>(kInt16ShareCode));
    I sum = V::zero();
    int i = 0;
    for (; i + V::kLanes <= n; i += V::kLanes) {
      const I share = V::round(V::mul(E::exp_down(V::sub(V::load(scores + i), top)), most));
      sum = V::add(sum, share);
      V::store_i16(codes + i, share);
    }
    int32_t rest = 0;
    if (i < n) {
      int16_t last[V::kLanes];
      V::store_i16(last, V::round(V::mul(E::exp_down(V::sub(V::load_first(scores + i, n - i), top)), most)));
      for (int k = i; k < n + n % 2; ++k) codes[k] = k < n ? last[k - i] : int16_t{0};
      for (int k = i; k < n; ++k) rest += last[k - i];
    }
    return 1.0f / static_cast<float>(V::sum(sum) + rest);
  }

  static void run(const Int16AttentionArgs& in) {
    const Int16Scratch& parts = in.scratch;
    pack_keys(in, parts);
    pack_values(in, parts);
    const int dim = in.head_dim;
    const auto padded = static_cast<size_t>((in.tokens + kPanelRows - 1) / kPanelRows * kPanelRows);
    const auto groups = static_cast<size_t>((dim + kInt16Group - 1) / kInt16Group);
    const Int16PanelView keys{.rows = in.tokens, .k = dim, .codes = parts.keys, .scales = parts.key_scales};
    const Int16PanelView values{.rows = dim, .k = in.tokens, .codes = parts.values, .scales = parts.value_scales};
    float one = 1;  // the scale of all shares
    for (int begin = 0; begin < in.tokens; begin += kInt16Queries) {
      const int n = in.tokens - begin < kInt16Queries ? in.tokens - begin : kInt16Queries;
      const Int16ColumnView queries{.columns = n,
                                    .k = dim,
                                    .stride = static_cast<size_t>(dim),
                                    .codes = parts.queries,
                                    .scales_stride = groups,
                                    .scales = parts.query_scales};
      C::quantize(in.q + static_cast<size_t>(begin) * in.stride, in.stride, queries, 0, n);
      for (size_t i = 0; i < static_cast<size_t>(n) * groups; ++i) parts.query_scales[i] *= in.scale;
      Int16Dot<V>::run(keys, queries, {.out = parts.scores, .stride = padded, .bias = nullptr, .add = false}, 0,
                       static_cast<int>(padded) / kPanelRows);
      float factors[kInt16Queries];
      for (int r = 0; r < n; ++r) {
        factors[r] = shares_of(parts.scores + static_cast<size_t>(r) * padded, in.tokens,
                               parts.shares + static_cast<size_t>(r) * padded);
      }
      const Int16ColumnView shares{.columns = n,
                                   .k = in.tokens,
                                   .group = kInt16ShareGroup,
                                   .stride = padded,
                                   .codes = parts.shares,
                                   .scales_stride = 0,
                                   .scales = &one};
      float* const out = in.out + static_cast<size_t>(begin) * in.out_stride;
      Int16Dot<V>::run(values, shares, {.out = out, .stride = in.out_stride, .bias = nullptr, .add = false}, 0,
                       dim / kPanelRows);
      for (int r = 0; r < n; ++r) {
        float* const row = out + static_cast<size_t>(r) * in.out_stride;
        for (int d = 0; d < dim; d += V::kLanes) V::store(row + d, V::mul(V::load(row + d), V::splat(factors[r])));
      }
    }
  }
};

template <class V>
constexpr Int16Kernels make_int16_kernels() {
  return {.matmul = Int16Dot<V>::run, .quantize = Int16Columns<V>::quantize, .attention = Int16Attention<V>::run};
}

}  // namespace studio::engine
