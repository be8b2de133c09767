// One block of a panel's codes by the activations of a few columns, over the vector layer V (isa_*.h): where they lie,
// how codes are unpacked, how sums of products are scaled. The same arithmetic in the same order for every number of
// columns, one panel or two. Definition: numerics.md, section 3.
//
// Source of the layout idea: 16-row interleaving as in oneDNN's VNNI weights; the offset repair starts each accumulator
// at -offset * sum(activations).
#pragma once

#include "engine/formats/block_fields.h"
#include "engine/kernels/kernel_args.h"
#include "engine/kernels/panel_layout.h"

namespace studio::engine {

template <class V, PanelLayout L>
struct BlockDot {
  using F = typename V::F;
  using I = typename V::I;
  using B = typename V::B;
  static constexpr int kParts = kPanelRows / V::kLanes;

  static constexpr int max_code() {
    switch (L.codes) {
      case Codes::kN2:
        return 3;
      case Codes::kN3:
        return 7;
      case Codes::kN4:
        return 15;
      case Codes::kN5:
        return 31;
      case Codes::kN6:
        return 63;
      default:
        return 255;
    }
  }
  static constexpr bool kSigned = V::kSigned8 && max_code() == 255;  // the offset of 128 is taken off when unpacking
  static constexpr int kOffsetLog2 = kSigned ? -1 : L.offset_log2;

  // The activations of one block, at the first of the columns in hand. Strides follow from the width.
  struct Columns {
    const int8_t* codes;
    const float* scales;
    const float* sums;
    const int32_t* minus_sums;
    const int32_t* minus_halves;
    const int32_t* exponents;
    const int32_t* quarters;
    int width;

    __attribute__((always_inline)) void next_block() {
      codes += static_cast<size_t>(width) * kActivationBlock;
      scales += width;
      sums += width;
      minus_sums += width;
      minus_halves += 2 * static_cast<size_t>(width);
      exponents += width;
      quarters += width;
    }
  };

  STUDIO_INLINE Columns columns_at(const ActivationView& x, int column, int block) {
    const size_t group = static_cast<size_t>(column / x.width), lane = static_cast<size_t>(column % x.width);
    const size_t row = (group * static_cast<size_t>(x.k / kActivationBlock) + static_cast<size_t>(block)) *
                       static_cast<size_t>(x.width);
    return {x.codes + (row + lane) * kActivationBlock,
            x.scales + row + lane,
            x.sums + row + lane,
            x.minus_sums + row + lane,
            x.minus_halves + 2 * row + lane,
            x.exponents + row + lane,
            x.quarters + row + lane,
            x.width};
  }

  // The values of IQ4 codes: signed, or lifted by the offset.
  struct Iq4Table {
    alignas(16) uint8_t v[16];
    constexpr Iq4Table() : v{} {
      for (int i = 0; i < 16; ++i) v[i] = static_cast<uint8_t>(kIq4NlValues[i] + (kSigned ? 0 : 128));
    }
  };
  static constexpr Iq4Table kIq4Table{};

  // Registers 4 * kHalf .. + 3 of a packed block; `block` points at this part's lanes.
  template <int kHalf>
  STUDIO_INLINE void unpack_half(const uint8_t* block, B* w) {
    if constexpr (L.codes == Codes::kB8) {
      for (int j = 0; j < 4; ++j) {
        w[j] = V::load_bytes(block + 256 * kHalf + 64 * j);
        if constexpr (kSigned) w[j] = V::flip_sign_bit(w[j]);
      }
    } else if constexpr (L.codes == Codes::kN2 || L.codes == Codes::kN3) {
      const B pairs = V::load_bytes(block + 64 * kHalf);
      w[0] = V::template shift_and<0>(pairs, 3);
      w[1] = V::template shift_and<2>(pairs, 3);
      w[2] = V::template shift_and<4>(pairs, 3);
      w[3] = V::template shift_and<6>(pairs, 3);
    } else {
      const B front = V::load_bytes(block + 128 * kHalf), back = V::load_bytes(block + 128 * kHalf + 64);
      w[0] = V::template shift_and<0>(front, 15);
      w[1] = V::template shift_and<4>(front, 15);
      w[2] = V::template shift_and<0>(back, 15);
      w[3] = V::template shift_and<4>(back, 15);
    }
    if constexpr (L.codes == Codes::kN3) {
      add_bits<kHalf, 2>(V::load_bytes(block + 128), w);
    } else if constexpr (L.codes == Codes::kN5) {
      add_bits<kHalf, 4>(V::load_bytes(block + 256), w);
    } else if constexpr (L.codes == Codes::kN6) {
      const B pairs = V::load_bytes(block + 256 + 64 * kHalf);
      w[0] = V::template or_shifted<-4>(w[0], pairs, 0x30);
      w[1] = V::template or_shifted<-2>(w[1], pairs, 0x30);
      w[2] = V::template or_shifted<0>(w[2], pairs, 0x30);
      w[3] = V::template or_shifted<2>(w[3], pairs, 0x30);
    } else if constexpr (L.codes == Codes::kT4) {
      const typename V::Table table = V::load_table(kIq4Table.v);
      for (int j = 0; j < 4; ++j) w[j] = V::look_up(table, w[j]);
    }
  }

  // Registers 2 * kQuarter and + 1 of a packed block.
  template <int kQuarter>
  STUDIO_INLINE void unpack_quarter(const uint8_t* block, B* w) {
    B half[4];  // what of it is not used is not computed
    unpack_half<kQuarter / 2>(block, half);
    w[0] = half[kQuarter % 2 * 2];
    w[1] = half[kQuarter % 2 * 2 + 1];
  }

  // Bit 4 * kHalf + j of the plane becomes bit kBit of the codes in register j.
  template <int kHalf, int kBit>
  STUDIO_INLINE void add_bits(B plane, B* w) {
    constexpr int kFirst = 4 * kHalf - kBit;
    w[0] = V::template or_shifted<kFirst>(w[0], plane, 1 << kBit);
    w[1] = V::template or_shifted<kFirst + 1>(w[1], plane, 1 << kBit);
    w[2] = V::template or_shifted<kFirst + 2>(w[2], plane, 1 << kBit);
    w[3] = V::template or_shifted<kFirst + 3>(w[3], plane, 1 << kBit);
  }

  template <bool kUnpacked, int kHalf>
  STUDIO_INLINE void load_half(const uint8_t* block, B* w) {
    if constexpr (kUnpacked) {
      for (int j = 0; j < 4; ++j) w[j] = V::load_bytes(block + 256 * kHalf + 64 * j);
    } else {
      unpack_half<kHalf>(block, w);
    }
  }

  // The weights' side of scaling one block; fields a format lacks are never read.
  struct BlockScales {
    F factor[2];   // d, or d * scale; per half, or the first for both
    F min;         // m; -(dmin * min); or dmin where minima are per half
    I minimum[2];  // per half
  };

  STUDIO_INLINE BlockScales scales_at(const uint8_t* panel, int block, int part) {
    const uint8_t* group = panel + static_cast<size_t>(block / L.group_blocks()) * L.group_bytes();
    const uint8_t* sub = group + L.factor_bytes() + block % L.group_blocks() * L.sub_bytes() + part * V::kLanes;
    const auto* factors = reinterpret_cast<const uint16_t*>(group) + part * V::kLanes;
    BlockScales s;
    const F d = V::load_f16(factors);
    if constexpr (L.has_min()) s.min = V::load_f16(factors + kPanelRows);
    if constexpr (L.scales == Scales::kSub32) {
      s.factor[0] = V::mul(d, V::to_float(V::load_i8(sub)));
    } else if constexpr (L.scales == Scales::kSub32Min) {
      s.factor[0] = V::mul(d, V::to_float(V::load_u8(sub)));
      s.min = V::mul(s.min, V::to_float(V::sub(V::zero(), V::load_u8(sub + kPanelRows))));
    } else if constexpr (L.scales == Scales::kSub16) {
      s.factor[0] = V::mul(d, V::to_float(V::load_i8(sub)));
      s.factor[1] = V::mul(d, V::to_float(V::load_i8(sub + kPanelRows)));
    } else if constexpr (L.scales == Scales::kSub16Min) {
      const I bytes[2] = {V::load_u8(sub), V::load_u8(sub + kPanelRows)};
      for (int h = 0; h < 2; ++h) {
        s.factor[h] = V::mul(d, V::to_float(V::low_nibbles(bytes[h])));
        s.minimum[h] = V::high_nibbles(bytes[h]);
      }
    } else {
      s.factor[0] = d;
    }
    return s;
  }

  // Of a strip: its blocks' scales as floats, so that each is converted once for all columns. [kScaleRows, 16] a block:
  // the factors, per half where they are, and the minima. With pairs each factor stands there times 1, 5/4, 3/2 and 7/4
  // (kQuarters): what is left of an activation's scale is a power of two, which an addition to the exponent applies
  // beside the dots, where a multiplication would take the place of one.
  static constexpr int kHalves = L.per_half() ? 2 : 1;
  static constexpr bool kStripHasScales = L.scales != Scales::kSub16Min;  // whose minima are integers
  static constexpr bool kHasPairs = V::kPairColumns > 0 && kParts == 1 && kStripHasScales;
  static constexpr int kQuarters = kHasPairs ? 4 : 1;
  static constexpr int kMinRow = kHalves * kQuarters, kScaleRows = kMinRow + (L.has_min() ? 1 : 0);

  STUDIO_INLINE void store_scales(const BlockScales& s, float* at) {
    for (int h = 0; h < kHalves; ++h) {
      for (int i = 0; i < kQuarters; ++i) {
        const F factor = i == 0 ? s.factor[h] : V::mul(s.factor[h], V::splat(1.0f + 0.25f * static_cast<float>(i)));
        V::store(at + (h * kQuarters + i) * kPanelRows, factor);
      }
    }
    if constexpr (L.has_min()) V::store(at + kMinRow * kPanelRows, s.min);
  }

  STUDIO_INLINE BlockScales stored_scales(const float* rows, int part) {
    const float* at = rows + part * V::kLanes;
    BlockScales s;
    for (int h = 0; h < kHalves; ++h) s.factor[h] = V::load(at + h * kQuarters * kPanelRows);
    if constexpr (L.has_min()) s.min = V::load(at + kMinRow * kPanelRows);
    return s;
  }

  // Minus the offset's share of a dot product, where its accumulator starts. Codes in a strip of pairs have all the
  // same offset, 128.
  template <bool kUnpacked>
  STUDIO_INLINE I start(int32_t minus_sum) {
    if constexpr (kOffsetLog2 < 0) {
      return V::zero();
    } else if constexpr (kUnpacked && kHasPairs) {
      return V::splat(minus_sum);
    } else {
      return V::template splat_shifted<7 - kOffsetLog2>(minus_sum);
    }
  }

  // acc [kColumns] += one block.
  template <bool kUnpacked, int kColumns>
  STUDIO_INLINE void add_block(const uint8_t* codes, const BlockScales& s, const Columns& x, F* acc) {
    I sum[kColumns];
    B w[4];
    load_half<kUnpacked, 0>(codes, w);
#pragma clang loop unroll(full)
    for (int c = 0; c < kColumns; ++c) {
      const I first = start<kUnpacked>(L.per_half() ? x.minus_halves[c] : x.minus_sums[c]);
      sum[c] = V::template dot4<max_code()>(first, w, x.codes + c * kActivationBlock);
      if constexpr (L.per_half()) acc[c] = scale_and_add(sum[c], s.factor[0], x.scales[c], acc[c]);
    }
    load_half<kUnpacked, 1>(codes, w);
#pragma clang loop unroll(full)
    for (int c = 0; c < kColumns; ++c) {
      const int8_t* a = x.codes + c * kActivationBlock + kHalf16;
      if constexpr (L.per_half()) sum[c] = start<kUnpacked>(x.minus_halves[x.width + c]);
      sum[c] = V::template dot4<max_code()>(sum[c], w, a);
    }
#pragma clang loop unroll(full)
    for (int c = 0; c < kColumns; ++c) {
      acc[c] = scale_and_add(sum[c], s.factor[kHalves - 1], x.scales[c], acc[c]);
      if constexpr (L.scales == Scales::kSub16Min) {
        const I minus_min = V::add(V::mul(s.minimum[0], V::template splat_shifted<7>(x.minus_halves[c])),
                                   V::mul(s.minimum[1], V::template splat_shifted<7>(x.minus_halves[x.width + c])));
        acc[c] = V::fma(V::to_float(minus_min), V::mul(s.min, V::splat(x.scales[c])), acc[c]);
      } else if constexpr (L.has_min()) {
        acc[c] = V::fma(s.min, V::splat(x.sums[c]), acc[c]);
      }
    }
  }

  // The same of two panels whose scales and packed codes are given: each activation is read once for 32 rows.
  template <int kColumns>
  STUDIO_INLINE void add_packed_pair(const uint8_t* const codes[2], const BlockScales s[2], const Columns& x,
                                     F acc[2][kColumns]) {
    I sum[2][kColumns];
#pragma clang loop unroll(full)
    for (int c = 0; c < kColumns; ++c) {
      sum[0][c] = sum[1][c] = start<false>(L.per_half() ? x.minus_halves[c] : x.minus_sums[c]);
    }
    add_quarter<0, kColumns>(codes, x, sum);
    add_quarter<1, kColumns>(codes, x, sum);
    if constexpr (L.per_half()) {
      scale_pair<0, kColumns>(s, x, sum, acc);
#pragma clang loop unroll(full)
      for (int c = 0; c < kColumns; ++c) sum[0][c] = sum[1][c] = start<false>(x.minus_halves[x.width + c]);
    }
    add_quarter<2, kColumns>(codes, x, sum);
    add_quarter<3, kColumns>(codes, x, sum);
    scale_pair<kHalves - 1, kColumns>(s, x, sum, acc);
    if constexpr (L.has_min()) {
#pragma clang loop unroll(full)
      for (int c = 0; c < kColumns; ++c) {
        const F sums = V::splat(x.sums[c]);
        acc[0][c] = V::fma(s[0].min, sums, acc[0][c]);
        acc[1][c] = V::fma(s[1].min, sums, acc[1][c]);
      }
    }
  }

  template <int kQuarter, int kColumns>
  STUDIO_INLINE void add_quarter(const uint8_t* const codes[2], const Columns& x, I sum[2][kColumns]) {
    B w[2][2];
    unpack_quarter<kQuarter>(codes[0], w[0]);
    unpack_quarter<kQuarter>(codes[1], w[1]);
#pragma clang loop unroll(full)
    for (int j = 0; j < 2; ++j) {
#pragma clang loop unroll(full)
      for (int c = 0; c < kColumns; ++c) {
        const I a = V::splat_bytes(x.codes + c * kActivationBlock + 8 * kQuarter + 4 * j);
        sum[0][c] = V::dot(sum[0][c], w[0][j], a);
        sum[1][c] = V::dot(sum[1][c], w[1][j], a);
      }
    }
  }

  template <int kHalf, int kColumns>
  STUDIO_INLINE void scale_pair(const BlockScales s[2], const Columns& x, const I sum[2][kColumns],
                                F acc[2][kColumns]) {
#pragma clang loop unroll(full)
    for (int c = 0; c < kColumns; ++c) {
      acc[0][c] = scale_and_add(sum[0][c], s[0].factor[kHalf], x.scales[c], acc[0][c]);
      acc[1][c] = scale_and_add(sum[1][c], s[1].factor[kHalf], x.scales[c], acc[1][c]);
    }
  }

  STUDIO_INLINE F scale_and_add(I sum, F factor, float scale, F acc) {
    return V::fma(V::to_float(sum), V::mul(factor, V::splat(scale)), acc);
  }

  // acc [2, kColumns] += one block of two panels: each activation is read once for 32 rows. One panel at a time, a dot
  // instruction costs a load; here loads are fewer than dots, and dots with one fma after them set the pace.
  template <int kColumns>
  STUDIO_INLINE void add_block_pair(const uint8_t* const codes[2], const float* const rows[2], const Columns& x,
                                    F acc[2][kColumns]) {
    I sum[2][kColumns];
#pragma clang loop unroll(full)
    for (int h = 0; h < kHalves; ++h) {
#pragma clang loop unroll(full)
      for (int c = 0; c < kColumns; ++c) {
        sum[0][c] = start<true>(L.per_half() ? x.minus_halves[h * x.width + c] : x.minus_sums[c]);
        sum[1][c] = sum[0][c];
      }
#pragma clang loop unroll(full)
      for (int j = 8 / kHalves * h; j < 8 / kHalves * (h + 1); ++j) {
        const B w[2] = {V::load_bytes(codes[0] + 64 * j), V::load_bytes(codes[1] + 64 * j)};
#pragma clang loop unroll(full)
        for (int c = 0; c < kColumns; ++c) {
          const I a = V::splat_bytes(x.codes + c * kActivationBlock + 4 * j);
          sum[0][c] = V::dot(sum[0][c], w[0], a);
          sum[1][c] = V::dot(sum[1][c], w[1], a);
        }
      }
#pragma clang loop unroll(full)
      for (int c = 0; c < kColumns; ++c) {
        const I exponent = V::splat(x.exponents[c]);
        const int row = h * kQuarters * kPanelRows + x.quarters[c];
#pragma clang loop unroll(full)
        for (int p = 0; p < 2; ++p) {
          acc[p][c] = V::fma(V::to_float(sum[p][c]), V::add_exponent(V::load(rows[p] + row), exponent), acc[p][c]);
        }
      }
    }
    if constexpr (L.has_min()) {
      const F min[2] = {V::load(rows[0] + kMinRow * kPanelRows), V::load(rows[1] + kMinRow * kPanelRows)};
#pragma clang loop unroll(full)
      for (int c = 0; c < kColumns; ++c) {
        const F sums = V::splat(x.sums[c]);
        acc[0][c] = V::fma(min[0], sums, acc[0][c]);
        acc[1][c] = V::fma(min[1], sums, acc[1][c]);
      }
    }
  }

  // Lifts codes to the offset 128. Rows whose factor is 0 get codes that stand for 0 and the factor 1: an exponent may
  // be added to it.
  STUDIO_INLINE void prepare_for_pairs(BlockScales& s, B* codes) {
    if constexpr (kOffsetLog2 >= 0 && kOffsetLog2 < 7) {
      for (int j = 0; j < 8; ++j) codes[j] = V::add_bytes(codes[j], 128 - (1 << kOffsetLog2));
    }
    for (int h = 0; h < kHalves; ++h) {
      const auto empty = V::is_zero(s.factor[h]);
      if (!V::any(empty)) continue;
      s.factor[h] = V::select(empty, V::splat(1.0f), s.factor[h]);
      for (int j = 8 / kHalves * h; j < 8 / kHalves * (h + 1); ++j) {
        codes[j] = V::replace_bytes(codes[j], empty, kOffsetLog2 >= 0 ? 128 : 0);
      }
    }
  }
};

}  // namespace studio::engine
