// Products of many columns by int8 tiles, written once over a vector layer V of 16 lanes (isa_*.h) and a tile layer T
// (tile_hardware.h, tile_model.h). Definition: numerics.md, section 3.
//
// One tile product is 16 columns x 16 rows over one block of K (32), or over half of it (16) where halves have scales
// of their own. Its integers are exact; they leave through a buffer in the first-level cache and are scaled and added
// in f32 as in matmul_dot_impl.h, one register per column, so the bits are those of every other set. Nothing is
// repacked for tiles: 16 activation columns of a block lie as the left operand wants them, an unpacked block of a panel
// as the right one. Codes are made signed when a strip is unpacked, which spares the repair of offsets per column.
// Source of the operands' layout: Intel SDM, TDPBSSD; of the arithmetic around it: Intel's optimisation manual, AMX.
#pragma once

#include "engine/kernels/matmul_dot_impl.h"
#include "engine/kernels/tile_config.h"

namespace studio::engine {

// Up to so many columns the packed panels are read by dot instructions: a tile would be part empty, and unpacking to
// memory costs about as much as a tile product.
inline constexpr int kTileMinColumns = 17;
inline constexpr int kTileColumns = 16;        // of one product; the width that Activations have from 9 columns on
inline constexpr int kTileStripBlocks = 16;    // 8 KB of codes
inline constexpr int kTileStripColumns = 512;  // columns that share a strip: 32 KB of f32, second-level cache
// Blocks multiplied ahead of their scaling. One product takes about 100 cycles from its loads to its stored sums, the
// scaling of four blocks about as long, so that neither waits for the other.
inline constexpr int kStageBlocks = 4;

// 8-bit codes leave their unpacking signed. A type of its own also keeps what is instantiated here apart from the
// same templates in another set's file.
template <class Base>
struct SignedCodes : Base {
  static constexpr bool kSigned8 = true;
};

template <class V, class T, PanelLayout L>
struct TileDot {
  static_assert(V::kLanes == kPanelRows && V::kSigned8);
  using D = BlockDot<V, L>;
  using Panels = Dot<V, L>;
  using F = typename V::F;
  using I = typename V::I;
  using B = typename V::B;

  static constexpr int kProducts = L.per_half() ? 2 : 1;  // per block
  static constexpr int kDepth = kActivationBlock / kProducts;
  static constexpr TileConfig kConfig = product_tiles(kDepth);
  static constexpr int kBlockBytes = kActivationBlock * kPanelRows;  // of unpacked codes
  static constexpr int kSums = kTileColumns * kPanelRows;            // of one product

  // Rows of 16 floats per block of a strip, each converted once for all columns.
  enum ScaleRow { kFactor0, kFactor1, kMin, kMinimum0, kMinimum1, kRows };

  struct Strip {
    alignas(64) uint8_t codes[kTileStripBlocks * kBlockBytes];  // [blocks][8][16 rows][4], signed
    alignas(64) float scales[kTileStripBlocks][kRows][kPanelRows];
  };
  struct Stage {
    alignas(64) int32_t sums[kStageBlocks * kProducts * kSums];  // [blocks][products][16 columns][16 rows]
  };

  STUDIO_INLINE void unpack_codes(const uint8_t* packed, uint8_t* out) {
    B w[8];
    D::template unpack_half<0>(packed, w);
    D::template unpack_half<1>(packed, w + 4);
    for (int j = 0; j < 8; ++j) {
      if constexpr (D::kOffsetLog2 >= 0) w[j] = V::subtract_bytes(w[j], 1 << D::kOffsetLog2);
      V::store_bytes(out + 64 * j, w[j]);
    }
  }

  STUDIO_INLINE void unpack_scales(const uint8_t* panel, int block, float (*rows)[kPanelRows]) {
    const typename D::BlockScales s = D::scales_at(panel, block, 0);
    V::store(rows[kFactor0], s.factor[0]);
    if constexpr (L.per_half()) V::store(rows[kFactor1], s.factor[1]);
    if constexpr (L.has_min()) V::store(rows[kMin], s.min);
    if constexpr (L.scales == Scales::kSub16Min) {
      V::store(rows[kMinimum0], V::to_float(s.minimum[0]));
      V::store(rows[kMinimum1], V::to_float(s.minimum[1]));
    }
  }

  // Product i of a stage with the tiles of set kSet.
  template <int kSet>
  STUDIO_INLINE void product(const int8_t* input, const uint8_t* codes, Stage& stage, int i) {
    const int block = i / kProducts, half = i % kProducts;
    T::template zero<kSumTile + kSet>();
    T::template load<kInputTile + kSet>(input + block * kTileColumns * kActivationBlock + half * kDepth,
                                        kActivationBlock);
    T::template load<kCodesTile + kSet>(codes + i * (kBlockBytes / kProducts), kTileRowBytes);
    T::template dot<kSumTile + kSet, kInputTile + kSet, kCodesTile + kSet>();
    T::template store<kSumTile + kSet>(stage.sums + i * kSums, kTileRowBytes);
  }

  // The products of up to kStageBlocks blocks for one group of columns.
  STUDIO_INLINE void multiply(const int8_t* input, const uint8_t* codes, int blocks, Stage& stage) {
    for (int i = 0; i < blocks * kProducts; i += 2) {
      product<0>(input, codes, stage, i);
      if (i + 1 < blocks * kProducts) product<1>(input, codes, stage, i + 1);
    }
  }

  // acc [16 columns] += one block.
  STUDIO_INLINE void add_block(const int32_t* sums, const float (*rows)[kPanelRows], const typename D::Columns& x,
                               F* acc) {
#pragma clang loop unroll(full)
    for (int c = 0; c < kTileColumns; ++c) {
      acc[c] = D::scale_and_add(V::load(sums + c * kPanelRows), V::load(rows[kFactor0]), x.scales[c], acc[c]);
      if constexpr (L.per_half()) {
        const I second = V::load(sums + kSums + c * kPanelRows);
        acc[c] = D::scale_and_add(second, V::load(rows[kFactor1]), x.scales[c], acc[c]);
      }
      if constexpr (L.scales == Scales::kSub16Min) {
        // Whole numbers below 2^24; the sum starts at +0, which keeps the sign of a zero that of integers.
        const F sums_of_halves[2] = {V::to_float(V::template splat_shifted<7>(x.minus_halves[c])),
                                     V::to_float(V::template splat_shifted<7>(x.minus_halves[x.width + c]))};
        F minus_min = V::fma(sums_of_halves[0], V::load(rows[kMinimum0]), V::splat(0.0f));
        minus_min = V::fma(sums_of_halves[1], V::load(rows[kMinimum1]), minus_min);
        acc[c] = V::fma(minus_min, V::mul(V::load(rows[kMin]), V::splat(x.scales[c])), acc[c]);
      } else if constexpr (L.has_min()) {
        acc[c] = V::fma(V::load(rows[kMin]), V::splat(x.sums[c]), acc[c]);
      }
    }
  }

  // Blocks [begin, end) of a strip for the 16 columns from `column` on. acc [16 columns][16 rows].
  static void strip_columns(const Strip& strip, const ActivationView& x, int begin, int end, int column,
                            float* acc_rows) {
    Stage stages[2];
    typename D::Columns columns = D::columns_at(x, column, begin);
    const int8_t* input = columns.codes;
    const float(*scales)[kRows][kPanelRows] = strip.scales;
    F acc[kTileColumns];
    for (int c = 0; c < kTileColumns; ++c) acc[c] = V::load(acc_rows + c * kPanelRows);

    const int blocks = end - begin;
    const auto stage_blocks = [&](int first) { return blocks - first < kStageBlocks ? blocks - first : kStageBlocks; };
    const auto multiply_stage = [&](int first) {
      multiply(input + first * kTileColumns * kActivationBlock, strip.codes + first * kBlockBytes, stage_blocks(first),
               stages[first / kStageBlocks % 2]);
    };
    multiply_stage(0);
    for (int first = 0; first < blocks; first += kStageBlocks) {
      if (first + kStageBlocks < blocks) multiply_stage(first + kStageBlocks);
      const int32_t* sums = stages[first / kStageBlocks % 2].sums;
      for (int i = stage_blocks(first); i > 0; --i) {
        add_block(sums, *scales, columns, acc);
        columns.next_block();
        sums += kProducts * kSums;
        ++scales;
      }
    }
    for (int c = 0; c < kTileColumns; ++c) V::store(acc_rows + c * kPanelRows, acc[c]);
  }

  // Coded columns [begin, end) of one panel; begin is the first of its group. The lanes of the last group that hold no
  // column are multiplied too, whatever an earlier step left there, and dropped.
  static void panel_columns(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int panel, int begin,
                            int end) {
    Strip strip;
    alignas(64) float acc[kTileStripColumns * kPanelRows];
    const uint8_t* data = w.data + static_cast<size_t>(panel) * w.panel_bytes;
    const uint8_t* packed = data + w.codes_offset;
    const int blocks = w.k / kActivationBlock;
    const int stored = (end - begin + kTileColumns - 1) / kTileColumns * kTileColumns;
    for (int c = 0; c < stored; ++c) V::store(acc + c * kPanelRows, V::splat(0.0f));
    for (int b = 0; b < blocks; b += kTileStripBlocks) {
      const int b_end = b + kTileStripBlocks < blocks ? b + kTileStripBlocks : blocks;
      for (int i = 0; i < b_end - b; ++i, packed += L.code_bytes()) {
        unpack_scales(data, b + i, strip.scales[i]);
        unpack_codes(packed, strip.codes + i * kBlockBytes);
      }
      for (int c = 0; c < stored; c += kTileColumns) {
        strip_columns(strip, x, b, b_end, begin + c, acc + c * kPanelRows);
      }
    }
    Panels::template write_strip<1>(acc, 0, x.terms, y, panel, w.rows, begin, end);
  }

  static void run(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int panel_begin, int panel_end) {
    T::configure(kConfig);
    for (int begin = 0; begin < x.coded; begin += kTileStripColumns) {
      const int end = begin + kTileStripColumns < x.coded ? begin + kTileStripColumns : x.coded;
      for (int p = panel_begin; p < panel_end; ++p) panel_columns(w, x, y, p, begin, end);
    }
    T::release();
  }
};

// False, with nothing done, where dot instructions serve better: few columns, or float weights.
template <class V, class T>
bool matmul_by_tiles(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int panel_begin,
                     int panel_end) {
  if (x.coded < kTileMinColumns) return false;
  switch (w.type) {
#define STUDIO_CASE(type)                                                           \
  case DType::type:                                                                 \
    TileDot<V, T, panel_layout(DType::type)>::run(w, x, y, panel_begin, panel_end); \
    return true;
    STUDIO_CODED_TYPES(STUDIO_CASE)
#undef STUDIO_CASE
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
      break;
  }
  return false;
}

}  // namespace studio::engine
