// Storing keys and values in pages, and attention over them, written over the vector layer V. numerics.md, section 5.
//
// A page holds 16 tokens, one per lane: a query value times 16 keys is one fused multiply-add and scores need no
// horizontal sums. Queries are taken in tiles; each page is widened to f32 once per tile and met by every row of it.
// Softmax is online, page by page in the order of positions (Milakov and Gimelshein, 2018), so a row's result depends
// neither on the tile it is in nor on how the prompt was cut.
#pragma once

#include "engine/kernels/elementwise_impl.h"
#include "engine/kernels/kernel_args.h"

namespace studio::engine {

inline constexpr int kTileRows = 32;  // with D = 128: 16 KB each of queries and results, 16 KB of page

template <class V>
struct Attention {
  using F = typename V::F;
  using E = Elementwise<V>;
  static constexpr int kParts = kPageTokens / V::kLanes;

  static void store_kv(const KvStoreArgs& args) {
    const int dim = args.pages.head_dim;
    for (int t = 0; t < args.n; ++t) {
      const int position = args.first + t, lane = position % kPageTokens;
      uint16_t* page = page_at(args.pages, args.page_table, position / kPageTokens);
      uint16_t* keys = page + args.pages.k_offset + lane;
      uint16_t* values = page + args.pages.v_offset + static_cast<size_t>(lane) * static_cast<size_t>(dim);
      const float* k = args.k + static_cast<size_t>(t) * args.k_stride;
      const float* v = args.v + static_cast<size_t>(t) * args.v_stride;
      for (int d = 0; d < dim; d += V::kLanes) {
        V::store_f16(values + d, V::load(v + d));
        uint16_t halves[V::kLanes];
        V::store_f16(halves, V::load(k + d));
        for (int i = 0; i < V::kLanes; ++i) keys[static_cast<size_t>(d + i) * kPageTokens] = halves[i];
      }
    }
  }

  STUDIO_INLINE uint16_t* page_at(const KvPages& pages, const int32_t* table, int index) {
    return pages.base + static_cast<size_t>(table[index]) * pages.page_stride;
  }

  struct Tile {
    alignas(64) float q[kTileRows * kMaxHeadDim];       // [rows, D], times the scale
    alignas(64) float result[kTileRows * kMaxHeadDim];  // [rows, D], not yet divided by `total`
    alignas(64) float weight[kTileRows * kPageTokens];  // e^(score - top) of the page in hand
    alignas(64) float keys[kMaxHeadDim * kPageTokens];
    alignas(64) float values[kPageTokens * kMaxHeadDim];
    float top[kTileRows];    // largest score so far
    float total[kTileRows];  // sum of weights so far
    int seen[kTileRows];     // positions the row may see
    int rows;
    int dim;
  };

  static void attention(const AttentionArgs& args, int begin, int end) {
    Tile tile;
    tile.dim = args.pages.head_dim;
    for (int row = begin; row < end; row += kTileRows) {
      tile.rows = end - row < kTileRows ? end - row : kTileRows;
      begin_tile(args, row, tile);
      const int pages = (tile.seen[tile.rows - 1] + kPageTokens - 1) / kPageTokens;
      for (int p = 0; p < pages; ++p) {
        const uint16_t* page = page_at(args.pages, args.page_table, p);
        widen(page + args.pages.k_offset, tile.keys, tile.dim * kPageTokens);
        widen(page + args.pages.v_offset, tile.values, tile.dim * kPageTokens);
        add_page(tile, p * kPageTokens);
      }
      end_tile(args, row, tile);
    }
  }

  STUDIO_INLINE size_t row_offset(const AttentionArgs& args, int row, size_t stride) {
    return static_cast<size_t>(row / args.group) * stride +
           static_cast<size_t>(row % args.group) * static_cast<size_t>(args.pages.head_dim);
  }

  static void begin_tile(const AttentionArgs& args, int row, Tile& tile) {
    const F scale = V::splat(args.scale);
    for (int r = 0; r < tile.rows; ++r) {
      const float* q = args.q + row_offset(args, row + r, args.q_stride);
      for (int d = 0; d < tile.dim; d += V::kLanes) {
        V::store(tile.q + r * tile.dim + d, V::mul(V::load(q + d), scale));
        V::store(tile.result + r * tile.dim + d, V::splat(0.0f));
      }
      tile.top[r] = -__builtin_inff();
      tile.total[r] = 0;
      tile.seen[r] = args.first + (row + r) / args.group + 1;
    }
  }

  static void end_tile(const AttentionArgs& args, int row, const Tile& tile) {
    for (int r = 0; r < tile.rows; ++r) {
      float* out = args.out + row_offset(args, row + r, args.out_stride);
      const F total = V::splat(tile.total[r]);
      for (int d = 0; d < tile.dim; d += V::kLanes) {
        V::store(out + d, V::div(V::load(tile.result + r * tile.dim + d), total));
      }
    }
  }

  STUDIO_INLINE void widen(const uint16_t* halves, float* out, int n) {
    for (int i = 0; i < n; i += V::kLanes) V::store(out + i, V::load_f16(halves + i));
  }

  // Rows see more positions the later they stand: a page is whole for rows from some row on, and unseen by the first.
  static void add_page(Tile& tile, int position) {
    int first = 0;
    while (tile.seen[first] <= position) ++first;
    for (int r = first; r < tile.rows; r += V::kRowTile) {
      score_rows(tile, r, tile.rows - r < V::kRowTile ? tile.rows - r : V::kRowTile);
    }
    for (int r = first; r < tile.rows; ++r) {
      const int seen = tile.seen[r] - position;
      soften(tile, r, seen < kPageTokens ? seen : kPageTokens);
    }
    int whole = first;
    for (; whole < tile.rows && tile.seen[whole] < position + kPageTokens; ++whole) {
      gather<1>(tile, whole, tile.seen[whole] - position);
    }
    for (; whole + 4 <= tile.rows; whole += 4) gather<4>(tile, whole, kPageTokens);
    for (; whole < tile.rows; ++whole) gather<1>(tile, whole, kPageTokens);
  }

  STUDIO_INLINE void score_rows(Tile& tile, int row, int n) {
    switch (n) {
      case 1:
        return score<1>(tile, row);
      case 2:
        return score<2>(tile, row);
      case 3:
        return score<3>(tile, row);
      case 4:
        return score<4>(tile, row);
      case 5:
        return score<5>(tile, row);
      case 6:
        return score<6>(tile, row);
      case 7:
        return score<7>(tile, row);
      default:
        return score<8>(tile, row);
    }
  }

  // weight[r, t] = sum over d of q[r, d] * key[d, t], d ascending, for kRows rows and the 16 tokens of the page.
  template <int kRows>
  static void score(Tile& tile, int row) {
    const float* q = tile.q + row * tile.dim;
    for (int part = 0; part < kParts; ++part) {
      F sum[kRows];
      for (F& s : sum) s = V::splat(0.0f);
      for (int d = 0; d < tile.dim; ++d) {
        const F keys = V::load(tile.keys + d * kPageTokens + part * V::kLanes);
#pragma clang loop unroll(full)
        for (int r = 0; r < kRows; ++r) sum[r] = V::fma(V::splat(q[r * tile.dim + d]), keys, sum[r]);
      }
      for (int r = 0; r < kRows; ++r) {
        V::store(tile.weight + (row + r) * kPageTokens + part * V::kLanes, sum[r]);
      }
    }
  }

  // Scores to weights: e^(score - top) for the first `seen` tokens, 0 for the rest (whose lanes may hold anything). A
  // new top rescales what was gathered so far.
  static void soften(Tile& tile, int row, int seen) {
    float* weight = tile.weight + row * kPageTokens;
    F scores[kParts], terms[kParts];
    for (int i = 0; i < kParts; ++i) {
      scores[i] =
          V::select(V::first(seen - i * V::kLanes), V::load(weight + i * V::kLanes), V::splat(-__builtin_inff()));
    }
    const float page_top = V::tree_max(scores);
    if (page_top > tile.top[row]) rescale(tile, row, page_top);
    const F top = V::splat(tile.top[row]);
    for (int i = 0; i < kParts; ++i) {
      terms[i] = V::select(V::first(seen - i * V::kLanes), E::exp(V::sub(scores[i], top)), V::splat(0.0f));
      V::store(weight + i * V::kLanes, terms[i]);
    }
    tile.total[row] = tile.total[row] + V::tree_sum(terms);
  }

  static void rescale(Tile& tile, int row, float top) {
    const F factor = E::exp(V::splat(tile.top[row] - top));  // 0 for the first page
    float lanes[V::kLanes];
    V::store(lanes, factor);
    tile.total[row] = tile.total[row] * lanes[0];
    tile.top[row] = top;
    float* result = tile.result + row * tile.dim;
    for (int d = 0; d < tile.dim; d += V::kLanes) V::store(result + d, V::mul(V::load(result + d), factor));
  }

  // result[r, d] += weight[r, t] * value[t, d], t ascending over the first `seen` tokens.
  template <int kRows>
  static void gather(Tile& tile, int row, int seen) {
    int d = 0;
    for (; d + 4 * V::kLanes <= tile.dim; d += 4 * V::kLanes) gather_lanes<kRows, 4>(tile, row, seen, d);
    for (; d < tile.dim; d += V::kLanes) gather_lanes<kRows, 1>(tile, row, seen, d);
  }

  template <int kRows, int kVectors>
  STUDIO_INLINE void gather_lanes(Tile& tile, int row, int seen, int d) {
    F sum[kRows * kVectors];
    float* result = tile.result + row * tile.dim + d;
    const float* weight = tile.weight + row * kPageTokens;
#pragma clang loop unroll(full)
    for (int i = 0; i < kRows * kVectors; ++i) {
      sum[i] = V::load(result + i / kVectors * tile.dim + i % kVectors * V::kLanes);
    }
    for (int t = 0; t < seen; ++t) {
      const float* value = tile.values + t * tile.dim + d;
#pragma clang loop unroll(full)
      for (int i = 0; i < kRows * kVectors; ++i) {
        sum[i] =
            V::fma(V::splat(weight[i / kVectors * kPageTokens + t]), V::load(value + i % kVectors * V::kLanes), sum[i]);
      }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < kRows * kVectors; ++i) {
      V::store(result + i / kVectors * tile.dim + i % kVectors * V::kLanes, sum[i]);
    }
  }
};

}  // namespace studio::engine
