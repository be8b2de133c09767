// Storing keys and values in pages, and attention over them, written over the vector layer V. numerics.md, section 5.
//
// Keys and values are numbers of 16 bits with one scale a token, kept as two planes of bytes. Queries of 16 bits meet
// keys in three integer dots (the product of the lower bytes is left out, but where shares are fine), weights of 8 bits
// meet values in two, weights of 16 bits in three: a dot has four times the products of an f32 instruction, and 16 bits
// of a token's largest value are finer than f16. Pages of 8 bits have one plane, which takes queries two dots and
// weights of 8 bits one; their keys, and the queries, are rotated first (rotation_impl.h).
// A page holds 16 tokens, one per lane: scores need no horizontal sums. Queries are taken in tiles, tokens in chunks of
// four pages, which stay in the first-level cache while every row of the tile meets them. Softmax is online, chunk by
// chunk in the order of positions (Milakov and Gimelshein, 2018), so a row's result depends neither on the tile it is
// in nor on how the prompt was cut.
#pragma once

#include "engine/kernels/elementwise_impl.h"
#include "engine/kernels/kernel_args.h"
#include "engine/kernels/rotation_impl.h"

namespace studio::engine {

inline constexpr int kTileRows = 32;
inline constexpr int kChunkPages = 4;
inline constexpr int kChunkTokens = kChunkPages * kPageTokens;
// That memory brings in while a row meets a page: 70 cycles, and a core's share of memory is a line in 10 to 20.
inline constexpr int kLinesPerRow = 4;
inline constexpr int kMaxKvCode = 127 * 256 + 127;  // its upper byte and its lower one, both signed, end at 127
inline constexpr int kMaxKvCode8 = 127;

template <class V, KvType kType>
struct Attention {
  using F = typename V::F;
  using I = typename V::I;
  using B = typename V::B;
  using E = Elementwise<V>;
  static constexpr bool kIsInt8 = kType == KvType::kInt8;
  static constexpr size_t kPlanes = kIsInt8 ? 1 : 2;
  static constexpr int kParts = kPageTokens / V::kLanes;
  static constexpr int kScoreRows = 2, kGatherRows = 4;  // of a tile that share each load of keys or values

  // The codes of a token's D values, and their scale.
  struct Codes {
    alignas(64) int32_t v[kMaxHeadDim];
    float scale;
  };

  STUDIO_INLINE float largest(const float* x, int n) {
    F top[kParts];
    for (F& t : top) t = V::splat(0.0f);
    for (int d = 0; d < n; d += kPageTokens) {
      for (int i = 0; i < kParts; ++i) top[i] = V::max(top[i], V::abs(V::load(x + d + i * V::kLanes)));
    }
    return V::tree_max(top);
  }

  template <int kMost>  // the largest code
  STUDIO_INLINE void quantize(const float* x, int dim, Codes& codes) {
    const float amax = largest(x, dim);
    const bool is_zero = amax < 1e-30f;
    codes.scale = is_zero ? 0.0f : amax / static_cast<float>(kMost);
    const F inverse = V::splat(is_zero ? 0.0f : static_cast<float>(kMost) / amax);
    for (int d = 0; d < dim; d += V::kLanes) {
      V::store(codes.v + d, V::clamp(V::round(V::mul(V::load(x + d), inverse)), -kMost, kMost));
    }
  }

  // Codes of a key, less `center` if there is one, or of a query: rotated where keys have 8 bits.
  template <int kMost>
  STUDIO_INLINE void quantize_rotated(const float* x, const float* center, int dim, Codes& codes) {
    if constexpr (kIsInt8) {
      alignas(64) float rotated[kMaxHeadDim];
      for (int d = 0; center != nullptr && d < dim; d += V::kLanes) {
        V::store(rotated + d, V::sub(V::load(x + d), V::load(center + d)));
      }
      Rotation<V>::rotate(center != nullptr ? rotated : x, dim, rotated);
      quantize<kMost>(rotated, dim, codes);
    } else {
      quantize<kMost>(x, dim, codes);
    }
  }

  static void store_kv(const KvStoreArgs& args) {
    constexpr int kMost = kIsInt8 ? kMaxKvCode8 : kMaxKvCode;
    const KvPages& pages = args.pages;
    const auto dim = static_cast<size_t>(pages.head_dim);
    const size_t plane = plane_bytes(pages.head_dim);
    Codes codes;
    for (int t = 0; t < args.n; ++t) {
      const int position = args.first + t;
      const auto lane = static_cast<size_t>(position % kPageTokens);
      uint8_t* page = page_at(pages, args.page_table, position / kPageTokens);

      quantize_rotated<kMost>(args.k + static_cast<size_t>(t) * args.k_stride, args.k_center, pages.head_dim, codes);
      uint8_t* keys = page + pages.k_offset;
      for (size_t d = 0; d < dim; ++d) {  // [D / 4][16 tokens][4], bytes lifted by 128
        const size_t at = d / 4 * kQuadBytes + lane * 4 + d % 4;
        if constexpr (kIsInt8) {
          keys[at] = static_cast<uint8_t>(codes.v[d] + 128);
        } else {
          const auto code = static_cast<uint32_t>(codes.v[d] + 128 * 256 + 128);
          keys[at] = static_cast<uint8_t>(code >> 8);
          keys[plane + at] = static_cast<uint8_t>(code);
        }
      }
      __builtin_memcpy(keys + kPlanes * plane + lane * sizeof(float), &codes.scale, sizeof(float));

      quantize<kMost>(args.v + static_cast<size_t>(t) * args.v_stride, pages.head_dim, codes);
      uint8_t* values = page + pages.v_offset;
      for (size_t d = 0; d < dim; ++d) {  // [4 fours of tokens][D][4], signed
        const auto low = static_cast<int8_t>(codes.v[d]);
        const size_t at = (lane / 4 * dim + d) * 4 + lane % 4;
        if constexpr (kIsInt8) {
          values[at] = static_cast<uint8_t>(low);
        } else {
          values[at] = static_cast<uint8_t>((codes.v[d] - low) >> 8);
          values[plane + at] = static_cast<uint8_t>(low);
        }
      }
      __builtin_memcpy(values + kPlanes * plane + lane * sizeof(float), &codes.scale, sizeof(float));
    }
  }

  static constexpr int kQuadBytes = 4 * kPageTokens;
  static constexpr size_t plane_bytes(int dim) { return static_cast<size_t>(dim) * kPageTokens; }

  STUDIO_INLINE uint8_t* page_at(const KvPages& pages, const int32_t* table, int index) {
    return pages.base + static_cast<size_t>(table[index]) * pages.page_stride;
  }

  // What comes next, asked for a few lines at a time while rows are computed: asked for at once it would hold up the
  // loads of the chunk in hand.
  struct Fetch {
    const uint8_t* at = nullptr;  // of the block in hand
    const uint8_t* end = nullptr;
    const uint8_t* blocks[kChunkPages];  // keys and values of pages
    int block = 0, count = 0;
    size_t block_bytes;
    int lines = 0;         // to ask for before each group of rows
    int weight_lines = 0;  // left of the chunk's
    WeightsAhead* weights = nullptr;
  };

  struct Tile {
    alignas(64) float result[kTileRows * kMaxHeadDim];    // [rows, D], not yet divided by `total`
    alignas(64) float weights[kTileRows * kChunkTokens];  // scores, then e^(score - top), of the chunk in hand
    alignas(64) int8_t q[2][kTileRows * kMaxHeadDim];     // upper and lower bytes [rows, D]
    // Weights times the values' scales: in 8 bits, or the upper and the lower byte of 16.
    alignas(64) uint8_t shares[2][kTileRows * kChunkTokens];
    float q_scale[kTileRows], share_scale[kTileRows];
    int32_t q_start[2][kTileRows];       // -128 * (sum of the row's bytes), upper and lower: the keys' bytes are lifted
    float top[kTileRows];                // largest score so far
    float total[kTileRows];              // sum of weights so far
    int seen[kTileRows];                 // positions the row may see
    const uint8_t* keys[kChunkPages];    // of the chunk's pages
    const uint8_t* values[kChunkPages];  // past the last page the first again, whose scales are not looked at
    int pages;                           // of the chunk
    Fetch fetch;
    int rows;
    int dim;
    bool is_fine;  // of 16 bits
  };
  STUDIO_INLINE bool is_fine(const Tile& tile) { return !kIsInt8 && tile.is_fine; }

  static void attention(const AttentionArgs& args, int begin, int end) {
    Tile tile;
    tile.fetch.weights = args.weights;
    tile.dim = args.pages.head_dim;
    tile.is_fine = !kIsInt8 && args.is_fine;
    for (int row = begin; row < end; row += kTileRows) {
      tile.rows = end - row < kTileRows ? end - row : kTileRows;
      const int pages = pages_seen(args, row + tile.rows);
      if (row == begin && !args.is_asked_for) ask_for_first(args, pages);
      begin_tile(args, row, tile);
      for (int first = 0; first < pages; first += kChunkPages) {
        tile.pages = pages - first < kChunkPages ? pages - first : kChunkPages;
        for (int i = 0; i < kChunkPages; ++i) {
          const uint8_t* page = page_at(args.pages, args.page_table, first + (i < tile.pages ? i : 0));
          tile.keys[i] = page + args.pages.k_offset;
          tile.values[i] = page + args.pages.v_offset;
        }
        if (first + kChunkPages < pages) {
          begin_fetch(args, first + kChunkPages, pages, tile);
        } else if (row + tile.rows < end) {
          begin_fetch(args, 0, pages, tile);
        } else {
          args.next != nullptr ? begin_fetch(*args.next, 0, pages_seen(*args.next, 1), tile)
                               : begin_fetch(args, 0, 0, tile);
        }
        add_chunk(tile, first * kPageTokens);
      }
      end_tile(args, row, tile);
    }
  }

  // That rows before `row` see.
  STUDIO_INLINE int pages_seen(const AttentionArgs& args, int row) {
    return (args.first + (row - 1) / args.group) / kPageTokens + 1;
  }

  static void ask_for_first(const AttentionArgs& args, int pages) {
    for (int i = 0; i < pages && i < kChunkPages; ++i) {
      const uint8_t* block = page_at(args.pages, args.page_table, i) + args.pages.k_offset;
      for (size_t at = 0; at < 2 * kv_block_bytes(args.pages.head_dim, kType); at += 64) __builtin_prefetch(block + at);
    }
  }

  // While the chunk in hand is computed the pages [first, first + 4) of `args`, `pages` in all, are asked for, and as
  // many weights as memory brings in besides.
  static void begin_fetch(const AttentionArgs& args, int first, int pages, Tile& tile) {
    Fetch& fetch = tile.fetch;
    fetch.at = fetch.end = nullptr;
    fetch.block = fetch.count = 0;
    fetch.block_bytes = 2 * kv_block_bytes(tile.dim, kType);
    for (int i = first; i < pages && i < first + kChunkPages; ++i) {
      fetch.blocks[fetch.count++] = page_at(args.pages, args.page_table, i) + args.pages.k_offset;
    }
    const int kv_lines = fetch.count * static_cast<int>(fetch.block_bytes / 64);
    const int room = kLinesPerRow * tile.rows * tile.pages - kv_lines;
    fetch.weight_lines = fetch.weights != nullptr && room > 0 ? room : 0;
    const int groups = (tile.rows + kScoreRows - 1) / kScoreRows + tile.rows + tile.rows / kGatherRows;
    fetch.lines = (kv_lines + fetch.weight_lines) / groups + 1;
  }

  STUDIO_INLINE void ask_for_more(Fetch& fetch) {
    for (int i = 0; i < fetch.lines; ++i) {
      if (fetch.at == fetch.end) {
        if (fetch.block == fetch.count) return ask_for_weights(fetch, fetch.lines - i);
        fetch.at = fetch.blocks[fetch.block++];
        fetch.end = fetch.at + fetch.block_bytes;
      }
      __builtin_prefetch(fetch.at);
      fetch.at += 64;
    }
  }

  static void ask_for_weights(Fetch& fetch, int lines) {
    if (fetch.weight_lines <= 0) return;
    fetch.weight_lines -= lines;
    WeightsAhead& ahead = *fetch.weights;
    for (int i = 0; i < WeightsAhead::kMaxSpans && lines > 0; ++i) {
      for (; ahead.bytes[i] >= 64 && lines > 0; --lines) {
        __builtin_prefetch(ahead.spans[i], 0, 2);
        ahead.spans[i] += 64;
        ahead.bytes[i] -= 64;
      }
    }
  }

  STUDIO_INLINE size_t row_offset(const AttentionArgs& args, int row, size_t stride) {
    return static_cast<size_t>(row / args.group) * stride +
           static_cast<size_t>(row % args.group) * static_cast<size_t>(args.pages.head_dim);
  }

  static void begin_tile(const AttentionArgs& args, int row, Tile& tile) {
    Codes codes;
    // Without the lower bytes' product 256 is left of 256 * (256 * upper + lower); two rotations make products larger.
    float factor = args.is_fine ? 1.0f : 256.0f;
    if constexpr (kIsInt8) factor = 1.0f / static_cast<float>(Rotation<V>::order(tile.dim));
    for (int r = 0; r < tile.rows; ++r) {
      quantize_rotated<kMaxKvCode>(args.q + row_offset(args, row + r, args.q_stride), nullptr, tile.dim, codes);
      int32_t sums[2] = {0, 0};
      for (int d = 0; d < tile.dim; d += V::kLanes) {
        const I code = V::load(codes.v + d), low = V::low_byte(code);
        sums[0] += V::store_i8(tile.q[0] + r * tile.dim + d, V::over_256(V::sub(code, low)));
        sums[1] += V::store_i8(tile.q[1] + r * tile.dim + d, low);
      }
      for (int i = 0; i < 2; ++i) tile.q_start[i][r] = sums[i] * -128;
      tile.q_scale[r] = codes.scale * args.scale * factor;
      for (int d = 0; d < tile.dim; d += V::kLanes) V::store(tile.result + r * tile.dim + d, V::splat(0.0f));
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

  // Rows see more positions the later they stand: the first may see none of the chunk.
  static void add_chunk(Tile& tile, int position) {
    int first = 0;
    while (tile.seen[first] <= position) ++first;
    for_rows<kScoreRows>(tile, first, [](Tile& t, int row, auto n) { score<n.value>(t, row); });
    for (int r = first; r < tile.rows; ++r) {
      ask_for_more(tile.fetch);
      const int seen = tile.seen[r] - position;
      seen < kChunkTokens ? soften<false>(tile, r, seen) : soften<true>(tile, r, kChunkTokens);
    }
    for_rows<kGatherRows>(tile, first, [](Tile& t, int row, auto n) { gather<n.value>(t, row); });
  }

  template <int kN>
  struct Count {
    static constexpr int value = kN;
  };

  template <int kAtOnce, typename Fn>
  STUDIO_INLINE void for_rows(Tile& tile, int first, Fn fn) {
    int r = first;
    for (; r + kAtOnce <= tile.rows; r += kAtOnce) {
      ask_for_more(tile.fetch);
      fn(tile, r, Count<kAtOnce>{});
    }
    for (; r + 2 <= tile.rows; r += 2) fn(tile, r, Count<2>{});
    if (r < tile.rows) fn(tile, r, Count<1>{});
  }

  // The scores of kN rows with up to V::kScorePages pages at a time.
  template <int kN>
  static void score(Tile& tile, int row) {
    for (int page = 0; page < tile.pages; page += V::kScorePages) score_upto<kN, V::kScorePages>(tile, row, page);
  }

  // With as many of kPages pages as are left.
  template <int kN, int kPages>
  STUDIO_INLINE void score_upto(Tile& tile, int row, int page) {
    if constexpr (kPages > 1) {
      if (tile.pages - page < kPages) return score_upto<kN, kPages - 1>(tile, row, page);
    }
    is_fine(tile) ? score_pages<kN, kPages, true>(tile, row, page) : score_pages<kN, kPages, false>(tile, row, page);
  }

  // With q = 256 a + b and k = 256 c + e: upper = sum of a c, lower = sum of a e + b c, least = sum of b e. With k = c:
  // upper = sum of a c, lower = sum of b c.
  template <int kN, int kPages, bool kFine>
  STUDIO_INLINE void score_pages(Tile& tile, int row, int page) {
    constexpr int kVectors = kPages * kParts;
    const int8_t* q[2] = {tile.q[0] + row * tile.dim, tile.q[1] + row * tile.dim};
    I upper[kN * kVectors], lower[kN * kVectors], least[kN * kVectors];
#pragma clang loop unroll(full)
    for (int i = 0; i < kN * kVectors; ++i) {
      const int r = row + i / kVectors;
      upper[i] = V::splat(tile.q_start[0][r]);
      lower[i] = V::splat(kIsInt8 ? tile.q_start[1][r] : tile.q_start[0][r] + tile.q_start[1][r]);
      if constexpr (kFine) least[i] = V::splat(tile.q_start[1][r]);
    }
    const size_t plane = plane_bytes(tile.dim);
    size_t at = 0;
    for (int d = 0; d < tile.dim; d += 4, at += kQuadBytes) {
#pragma clang loop unroll(full)
      for (int i = 0; i < kVectors; ++i) {
        const uint8_t* keys = tile.keys[page + i / kParts] + at + i % kParts * V::kLanes * 4;
        const B key_upper = V::load_bytes(keys), key_lower = kIsInt8 ? key_upper : V::load_bytes(keys + plane);
#pragma clang loop unroll(full)
        for (int r = 0; r < kN; ++r) {
          const B q_upper = V::splat_four(q[0] + r * tile.dim + d), q_lower = V::splat_four(q[1] + r * tile.dim + d);
          upper[r * kVectors + i] = V::dot_bytes(upper[r * kVectors + i], key_upper, q_upper);
          if constexpr (!kIsInt8) lower[r * kVectors + i] = V::dot_bytes(lower[r * kVectors + i], key_lower, q_upper);
          lower[r * kVectors + i] = V::dot_bytes(lower[r * kVectors + i], key_upper, q_lower);
          if constexpr (kFine) least[r * kVectors + i] = V::dot_bytes(least[r * kVectors + i], key_lower, q_lower);
        }
      }
    }
    for (int i = 0; i < kVectors; ++i) {
      const F scales = scales_of(tile.keys[page + i / kParts], tile.dim, i % kParts);
      for (int r = 0; r < kN; ++r) {
        F sum = V::fma(V::to_float(upper[r * kVectors + i]), V::splat(256.0f), V::to_float(lower[r * kVectors + i]));
        if constexpr (kFine) sum = V::fma(sum, V::splat(256.0f), V::to_float(least[r * kVectors + i]));
        V::store(tile.weights + (row + r) * kChunkTokens + page * kPageTokens + i * V::kLanes,
                 V::mul(sum, V::mul(scales, V::splat(tile.q_scale[row + r]))));
      }
    }
  }

  STUDIO_INLINE F scales_of(const uint8_t* planes, int dim, int part) {
    return V::load(reinterpret_cast<const float*>(planes + kPlanes * plane_bytes(dim)) + part * V::kLanes);
  }

  // Scores to weights: e^(score - top) for the first `seen` tokens, 0 for the rest (whose lanes may hold anything). A
  // new top rescales what was gathered so far. Then to shares, the 8-bit codes of weight * the value's scale.
  template <bool kWhole>  // all of the chunk is seen
  static void soften(Tile& tile, int row, int seen) {
    constexpr int kVectors = kChunkPages * kParts;
    const auto only_seen = [&](int i, F values, float others) __attribute__((always_inline)) {
      return kWhole ? values : V::select(V::first(seen - i * V::kLanes), values, V::splat(others));
    };
    float* weights = tile.weights + row * kChunkTokens;
    F values[kVectors], lanes[kParts];
#pragma clang loop unroll(full)
    for (int i = 0; i < kVectors; ++i) {
      values[i] = only_seen(i, V::load(weights + i * V::kLanes), -__builtin_inff());
      lanes[i % kParts] = i < kParts ? values[i] : V::max(lanes[i % kParts], values[i]);
    }
    const float chunk_top = V::tree_max(lanes);
    if (chunk_top > tile.top[row]) rescale(tile, row, chunk_top);
    const F top = V::splat(tile.top[row]);
#pragma clang loop unroll(full)
    for (int i = 0; i < kVectors; ++i) {
      values[i] = E::exp_down(V::sub(values[i], top));
      lanes[i % kParts] = i < kParts ? values[i] : V::add(lanes[i % kParts], values[i]);
    }
    tile.total[row] = tile.total[row] + V::tree_sum(lanes);
#pragma clang loop unroll(full)
    for (int i = 0; i < kVectors; ++i) {
      values[i] = only_seen(i, V::mul(values[i], scales_of(tile.values[i / kParts], tile.dim, i % kParts)), 0.0f);
      lanes[i % kParts] = i < kParts ? values[i] : V::max(lanes[i % kParts], values[i]);
    }
    is_fine(tile) ? store_shares<true>(tile, row, values, V::tree_max(lanes))
                  : store_shares<false>(tile, row, values, V::tree_max(lanes));
  }

  template <bool kFine>
  STUDIO_INLINE void store_shares(Tile& tile, int row, const F* values, float amax) {
    constexpr float kMost = kFine ? 65535.0f : 255.0f;
    const bool is_zero = amax < 1e-30f;
    tile.share_scale[row] = is_zero ? 0.0f : amax / kMost * (kFine ? 256.0f : 1.0f);
    const F inverse = V::splat(is_zero ? 0.0f : kMost / amax);
#pragma clang loop unroll(full)
    for (int i = 0; i < kChunkPages * kParts; ++i) {
      const I share = V::round(V::mul(values[i], inverse));
      const size_t at = static_cast<size_t>(row * kChunkTokens + i * V::kLanes);
      if constexpr (kFine) {
        const I upper = V::over_256(share);
        V::store_u8(tile.shares[0] + at, upper);
        V::store_u8(tile.shares[1] + at, V::sub(share, V::times_256(upper)));
      } else {
        V::store_u8(tile.shares[0] + at, share);
      }
    }
  }

  static void rescale(Tile& tile, int row, float top) {
    const F factor = E::exp(V::splat(tile.top[row] - top));  // 0 for the first chunk
    float lanes[V::kLanes];
    V::store(lanes, factor);
    tile.total[row] = tile.total[row] * lanes[0];
    tile.top[row] = top;
    float* result = tile.result + row * tile.dim;
    for (int d = 0; d < tile.dim; d += V::kLanes) V::store(result + d, V::mul(V::load(result + d), factor));
  }

  // result[r, d] += the chunk's sum of share[r, t] * value[t, d].
  template <int kN>
  static void gather(Tile& tile, int row) {
    is_fine(tile) ? gather_row<kN, true>(tile, row) : gather_row<kN, false>(tile, row);
  }

  template <int kN, bool kFine>
  STUDIO_INLINE void gather_row(Tile& tile, int row) {
    constexpr int kVectors = V::kGatherVectors;
    int d = 0;
    for (; d + kVectors * V::kLanes <= tile.dim; d += kVectors * V::kLanes) {
      gather_lanes<kN, kVectors, kFine>(tile, row, d);
    }
    for (; d < tile.dim; d += V::kLanes) gather_lanes<kN, 1, kFine>(tile, row, d);
  }

  // With share = 256 u + l and value = 256 c + e: 256 (the sum of u c), to which u e is added, and l c of fine shares.
  // With value = c: the sum of u c.
  template <int kN, int kVectors, bool kFine>
  STUDIO_INLINE void gather_lanes(Tile& tile, int row, int d) {
    I sum[kN * kVectors];
    const uint8_t* shares[2] = {tile.shares[0] + row * kChunkTokens, tile.shares[1] + row * kChunkTokens};
#pragma clang loop unroll(full)
    for (I& s : sum) s = V::zero();
    add_plane<kN, kVectors>(tile, shares[0], 0, d, sum);
    if constexpr (!kIsInt8) {
#pragma clang loop unroll(full)
      for (I& s : sum) s = V::times_256(s);
      add_plane<kN, kVectors>(tile, shares[0], plane_bytes(tile.dim), d, sum);
    }
    if constexpr (kFine) add_plane<kN, kVectors>(tile, shares[1], 0, d, sum);
#pragma clang loop unroll(full)
    for (int i = 0; i < kN * kVectors; ++i) {
      float* result = tile.result + (row + i / kVectors) * tile.dim + d + i % kVectors * V::kLanes;
      V::store(result, V::fma(V::to_float(sum[i]), V::splat(tile.share_scale[row + i / kVectors]), V::load(result)));
    }
  }

  // sum [kN, kVectors] += bytes of the shares by one plane of the values, which lies `plane` bytes on.
  template <int kN, int kVectors>
  STUDIO_INLINE void add_plane(const Tile& tile, const uint8_t* shares, size_t plane, int d, I* sum) {
    const size_t four_bytes = static_cast<size_t>(tile.dim) * 4;
    for (int page = 0; page < tile.pages; ++page) {
      const uint8_t* values = tile.values[page] + plane + static_cast<size_t>(d) * 4;
      for (int t = 0; t < kPageTokens; t += 4, values += four_bytes) {
        B four[kVectors];
#pragma clang loop unroll(full)
        for (int i = 0; i < kVectors; ++i) four[i] = V::load_bytes(values + i * V::kLanes * 4);
#pragma clang loop unroll(full)
        for (int r = 0; r < kN; ++r) {
          const B share = V::splat_four(shares + r * kChunkTokens + page * kPageTokens + t);
#pragma clang loop unroll(full)
          for (int i = 0; i < kVectors; ++i) {
            sum[r * kVectors + i] = V::dot_bytes(sum[r * kVectors + i], share, four[i]);
          }
        }
      }
    }
  }
};

template <class V>
void store_kv(const KvStoreArgs& args) {
  args.pages.type == KvType::kInt8 ? Attention<V, KvType::kInt8>::store_kv(args)
                                   : Attention<V, KvType::kInt16>::store_kv(args);
}

template <class V>
void attention(const AttentionArgs& args, int begin, int end) {
  args.pages.type == KvType::kInt8 ? Attention<V, KvType::kInt8>::attention(args, begin, end)
                                   : Attention<V, KvType::kInt16>::attention(args, begin, end);
}

}  // namespace studio::engine
