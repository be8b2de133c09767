// Matrix products over panels of codes, written once over the vector layer V (isa_*.h). Definition: numerics.md,
// section 3.
//
// One kernel serves every number of columns: a block of weights is unpacked once into registers and multiplied with up
// to V::kColumns columns, or of two panels with up to V::kPairColumns, whose integer and float accumulators stay in
// registers. Up to V::kPackedColumns the packed panels are read straight from memory; with more, a strip of blocks is
// unpacked into the first-level cache and all columns run over it. All do the same arithmetic in the same order.
#pragma once

#include <algorithm>

#include "engine/kernels/block_dot_impl.h"

namespace studio::engine {

inline constexpr int kStripBlocks = 16;    // 9 KB of codes and scales; 8 and 28 blocks measured no faster
inline constexpr int kStripColumns = 512;  // columns that share a strip: 64 KB of float accumulators for two panels
// Ahead in the packed panel: what one core of some 40 GB/s has under way in a memory latency of 100 to 150 ns. Half of
// it leaves the core waiting, twice of it pushes out what was fetched before it is read (kernels_bench.cc).
inline constexpr int kPrefetchBytes = 6144;
// One column of codes of 4 bits and less takes less time a byte, and asks for the next bytes by itself too: half as far
// ahead it reads 31 GB/s where this reads 37, and from 6 KB on it is slower again.
inline constexpr int kPrefetchBytesOfOne = 4096;

template <class V, PanelLayout L>
struct Dot {
  using F = typename V::F;
  using I = typename V::I;
  using B = typename V::B;
  using Block = BlockDot<V, L>;
  using Columns = typename Block::Columns;
  using BlockScales = typename Block::BlockScales;
  static constexpr int kParts = Block::kParts, kHalves = Block::kHalves, kScaleRows = Block::kScaleRows;
  static constexpr bool kStripHasScales = Block::kStripHasScales, kHasPairs = Block::kHasPairs;

  static constexpr int prefetch_blocks(int columns) {
    const int bytes = columns == 1 && L.code_bytes() <= 256 ? kPrefetchBytesOfOne : kPrefetchBytes;
    return (bytes + L.code_bytes() - 1) / L.code_bytes();
  }

  // The accumulators of kColumns coded columns from `column` on, of one part: a column's terms are added, then written.
  template <int kColumns>
  STUDIO_INLINE void write_coded(const F* acc, int terms, const MatmulOutput& y, int row, int rows, int column) {
    if (terms == 1) return write<kColumns>(acc, y, row, rows, column);
    if constexpr (kColumns % 2 == 0) {
      F sums[kColumns / 2];
      for (int c = 0; c < kColumns / 2; ++c) sums[c] = V::add(acc[2 * c], acc[2 * c + 1]);
      write<kColumns / 2>(sums, y, row, rows, column / 2);
    }
  }

  // The same from accumulators acc [panels, stride / 16 coded columns, 16] in memory, the first of which are those of
  // coded column `begin`. Column by column: a column's rows lie side by side, and the next one's a page or more away.
  template <int kPanels>
  STUDIO_INLINE void write_strip(const float* acc, size_t stride, int terms, MatmulOutput y, int panel, int rows,
                                 int begin, int end) {
    for (int column = begin / terms, last = end / terms; column < last; ++column, acc += terms * kPanelRows) {
      for (int p = 0; p < kPanels; ++p) {
        for (int part = 0; part < kParts; ++part) {
          const float* from = acc + static_cast<size_t>(p) * stride + part * V::kLanes;
          const F value = terms == 1 ? V::load(from) : V::add(V::load(from), V::load(from + kPanelRows));
          write<1>(&value, y, (panel + p) * kPanelRows + part * V::kLanes, rows, column);
        }
      }
    }
  }

  // y of kColumns columns from one part's values, for the rows that exist.
  template <int kColumns>
  STUDIO_INLINE void write(const F* acc, const MatmulOutput& y, int row, int rows, int column) {
    const int left = rows - row;
    if (left <= 0) return;
    for (int c = 0; c < kColumns; ++c) {
      float* out = y.out + static_cast<size_t>(column + c) * y.stride + row;
      F value = acc[c];
      if (left >= V::kLanes) {
        if (y.bias != nullptr) value = V::add(value, V::load(y.bias + row));
        if (y.add) value = V::add(V::load(out), value);
        V::store(out, value);
      } else {
        if (y.bias != nullptr) value = V::add(value, V::load_first(y.bias + row, left));
        if (y.add) value = V::add(V::load_first(out, left), value);
        V::store_first(out, value, left);
      }
    }
  }

  // What is multiplied next, the codes of two strips or two whole panels, asked for a little with each block that is
  // multiplied: asked for all at once, it keeps the core waiting, and the memory idle while it multiplies.
  struct Ahead {
    const uint8_t* at;
    const uint8_t* end;
    const uint8_t* other;  // strip, which lies elsewhere; null when it is under way, or there is none
    ptrdiff_t bytes;       // of each
    ptrdiff_t step;        // bytes with a block

    __attribute__((always_inline)) void ask() {
      const uint8_t* const until = end - at > step ? at + step : end;
      for (; at < until; at += 64) __builtin_prefetch(at, 0, 3);
      if (at >= end && other != nullptr) {
        at = other;
        end = other + bytes;
        other = nullptr;
      }
    }
  };

  // kColumns coded columns from `column` on: all of K with the accumulators in registers, straight from the packed
  // panel.
  template <int kColumns>
  static void packed_columns(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int p, int column,
                             const uint8_t* next) {
    const int blocks = w.k / kActivationBlock;
    const uint8_t* panel = w.data + static_cast<size_t>(p) * w.panel_bytes;
    for (int part = 0; part < kParts; ++part) {
      const uint8_t* codes = panel + w.codes_offset + part * V::kLanes * 4;
      Columns columns = Block::columns_at(x, column, 0);
      F acc[kColumns];
      for (F& a : acc) a = V::splat(0.0f);
      for (int b = 0; b < blocks; ++b) {
        if (next != nullptr && part == 0) prefetch_block(w, panel, next, b, prefetch_blocks(kColumns));
        Block::template add_block<false, kColumns>(codes, Block::scales_at(panel, b, part), columns, acc);
        codes += L.code_bytes();
        columns.next_block();
      }
      write_coded<kColumns>(acc, x.terms, y, p * kPanelRows + part * V::kLanes, w.rows, column);
    }
  }

  // Where the panel lies that is read after [panel, panel + count): in this matrix, or where the caller goes on. Past
  // the end of the matrix asking for it does nothing.
  STUDIO_INLINE const uint8_t* next_panel(const PanelView& w, int panel, int count, int panel_end) {
    const int next = panel + count;
    const bool is_past = next >= panel_end && w.after != nullptr;
    return (is_past ? w.after : w.data) + static_cast<size_t>(is_past ? next - panel_end : next) * w.panel_bytes;
  }

  // Asks for the codes `ahead` blocks on, in this panel or the next, and for a share of the next panel's scales: these
  // lie before its codes and are few, so a panel ahead is not too early.
  STUDIO_INLINE void prefetch_block(const PanelView& w, const uint8_t* panel, const uint8_t* next, int block,
                                    int ahead) {
    const int blocks = w.k / kActivationBlock, wanted = block + ahead;
    const uint8_t* codes = (wanted < blocks ? panel : next) + w.codes_offset +
                           static_cast<size_t>(wanted < blocks ? wanted : wanted - blocks) * L.code_bytes();
#pragma clang loop unroll(full)
    for (int line = 0; line < L.code_bytes(); line += 64) __builtin_prefetch(codes + line, 0, 3);
    constexpr int kScaleBytes = L.group_bytes() / L.group_blocks();
    __builtin_prefetch(next + static_cast<size_t>(block) * kScaleBytes, 0, 2);
  }

  // The same of the scales alone, for blocks [begin, end) of two panels.
  STUDIO_INLINE void prefetch_scales(const PanelView& w, const uint8_t* next, int begin, int end) {
    constexpr int kScaleBytes = L.group_bytes() / L.group_blocks();
    for (int p = 0; p < 2; ++p, next += w.panel_bytes) {
      for (int b = begin * kScaleBytes; b < end * kScaleBytes; b += 64) __builtin_prefetch(next + b, 0, 2);
    }
  }

  struct Strip {
    alignas(64) uint8_t codes[kStripBlocks * 512];
    alignas(64) float scales[kStripBlocks * kScaleRows * kPanelRows];
  };

  // Where two panels' blocks lie, unpacked.
  struct StripPair {
    const uint8_t* codes[2];
    const float* scales[2];
  };

  // Blocks [begin, end) of two panels, unpacked, for kColumns columns from `column` on. acc [2][columns, 16]: what the
  // blocks before came to; nothing is read where there are none.
  template <int kColumns>
  static void strip_pair(const StripPair& strips, const ActivationView& x, int begin, int end, int column,
                         float* const acc_rows[2], Ahead& ahead) {
    Ahead rest = ahead;
    const uint8_t* codes[2] = {strips.codes[0], strips.codes[1]};
    const float* scales[2] = {strips.scales[0], strips.scales[1]};
    Columns columns = Block::columns_at(x, column, begin);
    F acc[2][kColumns];
    for (int p = 0; p < 2; ++p) {
      for (int c = 0; c < kColumns; ++c) {
        acc[p][c] = begin == 0 ? V::splat(0.0f) : V::load(acc_rows[p] + c * kPanelRows);
      }
    }
    for (int b = begin; b < end; ++b) {
      rest.ask();
      Block::template add_block_pair<kColumns>(codes, scales, columns, acc);
      for (int p = 0; p < 2; ++p) {
        codes[p] += 512;
        scales[p] += kScaleRows * kPanelRows;
      }
      columns.next_block();
    }
    for (int p = 0; p < 2; ++p) {
      for (int c = 0; c < kColumns; ++c) V::store(acc_rows[p] + c * kPanelRows, acc[p][c]);
    }
    ahead = rest;
  }

  // Blocks [begin, end) of a panel, unpacked, for kColumns columns from `column` on. acc [columns, 16], likewise.
  template <int kColumns>
  static void strip_columns(const uint8_t* panel, const Strip& strip, const ActivationView& x, int begin, int end,
                            int column, float* acc_rows) {
    for (int part = 0; part < kParts; ++part) {
      const uint8_t* codes = strip.codes + part * V::kLanes * 4;
      const float* scales = strip.scales;
      float* rows = acc_rows + part * V::kLanes;
      Columns columns = Block::columns_at(x, column, begin);
      F acc[kColumns];
      for (int c = 0; c < kColumns; ++c) acc[c] = begin == 0 ? V::splat(0.0f) : V::load(rows + c * kPanelRows);
      for (int b = begin; b < end; ++b) {
        const BlockScales s = kStripHasScales ? Block::stored_scales(scales, part) : Block::scales_at(panel, b, part);
        Block::template add_block<true, kColumns>(codes, s, columns, acc);
        codes += 512;
        scales += kScaleRows * kPanelRows;
        columns.next_block();
      }
      for (int c = 0; c < kColumns; ++c) V::store(rows + c * kPanelRows, acc[c]);
    }
  }

  // The kernels by number of columns, 1 .. V::kColumns.
  using PackedFn = void (*)(const PanelView&, const ActivationView&, const MatmulOutput&, int, int, const uint8_t*);
  using StripFn = void (*)(const uint8_t*, const Strip&, const ActivationView&, int, int, int, float*);
  static constexpr int at_most(int columns) { return columns < V::kColumns ? columns : V::kColumns; }
  static constexpr PackedFn kPacked[9] = {nullptr,
                                          packed_columns<1>,
                                          packed_columns<at_most(2)>,
                                          packed_columns<at_most(3)>,
                                          packed_columns<at_most(4)>,
                                          packed_columns<at_most(5)>,
                                          packed_columns<at_most(6)>,
                                          packed_columns<at_most(7)>,
                                          packed_columns<at_most(8)>};
  static constexpr StripFn kStrip[9] = {nullptr,
                                        strip_columns<1>,
                                        strip_columns<at_most(2)>,
                                        strip_columns<at_most(3)>,
                                        strip_columns<at_most(4)>,
                                        strip_columns<at_most(5)>,
                                        strip_columns<at_most(6)>,
                                        strip_columns<at_most(7)>,
                                        strip_columns<at_most(8)>};

  // Blocks [begin, end) of a panel; asks for those of the next strip meanwhile, unless that is done elsewhere.
  template <bool kAsks = true>
  static void unpack_strip(const PanelView& w, const uint8_t* panel, const uint8_t* next, int begin, int end,
                           Strip& strip) {
    const uint8_t* codes = panel + w.codes_offset + static_cast<size_t>(begin) * L.code_bytes();
    uint8_t* out = strip.codes;
    for (int b = begin; b < end; ++b) {
      if constexpr (kAsks) prefetch_block(w, panel, next, b, kStripBlocks);
      for (int part = 0; part < kParts; ++part) {
        const int at = part * V::kLanes * 4;
        B unpacked[8];
        Block::template unpack_half<0>(codes + at, unpacked);
        Block::template unpack_half<1>(codes + at, unpacked + 4);
        if constexpr (kStripHasScales) {
          BlockScales s = Block::scales_at(panel, b, part);
          if constexpr (kHasPairs) Block::prepare_for_pairs(s, unpacked);
          Block::store_scales(s, strip.scales + (b - begin) * kScaleRows * kPanelRows + part * V::kLanes);
        }
        for (int j = 0; j < 8; ++j) V::store_bytes(out + 64 * j + at, unpacked[j]);
      }
      codes += L.code_bytes();
      out += 512;
    }
  }

  // Of codes that lie in a panel as they would in a strip, the scales alone. False where a row's factor is 0, which
  // Block::prepare_for_pairs() has to see to.
  static bool unpack_scales(const uint8_t* panel, int begin, int end, Strip& strip) {
    bool has_empty = false;
    for (int b = begin; b < end; ++b) {
      const BlockScales s = Block::scales_at(panel, b, 0);
      for (int h = 0; h < kHalves; ++h) has_empty |= V::any(V::is_zero(s.factor[h]));
      Block::store_scales(s, strip.scales + (b - begin) * kScaleRows * kPanelRows);
    }
    return !has_empty;
  }

  // The blocks [begin, end) of a panel for pairs: in place, or by way of a strip.
  STUDIO_INLINE const uint8_t* codes_for_pairs(const PanelView& w, const uint8_t* panel, int begin, int end,
                                               Strip& strip) {
    if constexpr (L.codes == Codes::kB8 && kHasPairs) {
      if (unpack_scales(panel, begin, end, strip)) {
        return panel + w.codes_offset + static_cast<size_t>(begin) * L.code_bytes();
      }
    }
    unpack_strip<false>(w, panel, nullptr, begin, end, strip);
    return strip.codes;
  }

  // What follows the blocks [begin, end) of the panels `data` and its neighbour: their next blocks, or the first ones
  // of the panels `next` of which the neighbour lies as far on. `passes` go over the blocks in hand.
  STUDIO_INLINE Ahead ahead_of(const PanelView& w, const uint8_t* data, const uint8_t* next, int begin, int end,
                               int passes) {
    const int blocks = w.k / kActivationBlock;
    const bool is_last = end == blocks;
    const int first = is_last ? 0 : end, count = (blocks - first < kStripBlocks ? blocks - first : kStripBlocks);
    const uint8_t* at = (is_last ? next : data) + w.codes_offset + static_cast<size_t>(first) * L.code_bytes();
    const ptrdiff_t bytes = static_cast<ptrdiff_t>(count) * L.code_bytes();
    const ptrdiff_t steps = static_cast<ptrdiff_t>(passes) * (end - begin);
    return {at, at + bytes, at + w.panel_bytes, bytes, (2 * bytes + steps - 1) / steps};
  }

  // Pairs of panels where a set has them (V::kPairColumns): integer and float accumulators of two panels and three more
  // registers.
  static constexpr int kPairColumns = V::kPairColumns;

  // The columns of a group of 16 that one strip_pair takes from lane c on: about equal shares.
  STUDIO_INLINE int pair_columns(int left) {
    const int passes = (left + kPairColumns - 1) / kPairColumns;
    return (left + passes - 1) / passes;
  }

  template <int kColumns>
  STUDIO_INLINE void strip_pair_of(int columns, const StripPair& strips, const ActivationView& x, int begin, int end,
                                   int column, float* const acc[2], Ahead& ahead) {
    if (columns == kColumns) return strip_pair<kColumns>(strips, x, begin, end, column, acc, ahead);
    if constexpr (kColumns > 1) strip_pair_of<kColumns - 1>(columns, strips, x, begin, end, column, acc, ahead);
  }

  // Many columns of kPanels panels from `panel` on: strip by strip, the float accumulators of all columns in the
  // caches.
  template <int kPanels>
  static void many_columns(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int panel, int panel_end,
                           int begin, int end) {
    Strip strips[kPanels];
    alignas(64) float acc[kPanels][kStripColumns * kPanelRows];
    const uint8_t* data = w.data + static_cast<size_t>(panel) * w.panel_bytes;
    const int blocks = w.k / kActivationBlock;
    int passes = 0;
    for (int group = begin; kPanels == 2 && group < end; group += x.width) {
      passes += (std::min(end - group, x.width) + kPairColumns - 1) / kPairColumns;
    }
    for (int b = 0; b < blocks; b += kStripBlocks) {
      const int b_end = b + kStripBlocks < blocks ? b + kStripBlocks : blocks;
      if constexpr (kPanels == 2) {
        StripPair pair;
        const uint8_t* next = next_panel(w, panel, kPanels, panel_end);
        for (int p = 0; p < 2; ++p) {
          pair.codes[p] = codes_for_pairs(w, data + p * w.panel_bytes, b, b_end, strips[p]);
          pair.scales[p] = strips[p].scales;
        }
        prefetch_scales(w, next, b, b_end);
        Ahead ahead = ahead_of(w, data, next, b, b_end, passes);
        for (int group = begin; group < end; group += x.width) {
          const int group_end = group + x.width < end ? group + x.width : end;
          for (int c = group, n = 0; c < group_end; c += n) {
            n = pair_columns(group_end - c);
            float* const rows[2] = {acc[0] + (c - begin) * kPanelRows, acc[1] + (c - begin) * kPanelRows};
            strip_pair_of<kPairColumns>(n, pair, x, b, b_end, c, rows, ahead);
          }
        }
      } else {
        unpack_strip(w, data, next_panel(w, panel, 1, panel_end), b, b_end, strips[0]);
        for (int c = begin; c < end; c += V::kColumns) {
          const int n = end - c < V::kColumns ? end - c : V::kColumns;
          kStrip[n](data, strips[0], x, b, b_end, c, acc[0] + (c - begin) * kPanelRows);
        }
      }
    }
    write_strip<kPanels>(acc[0], kStripColumns * kPanelRows, x.terms, y, panel, w.rows, begin, end);
  }

  // kColumns coded columns from `column` on of the panels p and p + 1, as packed_columns().
  template <int kColumns>
  static void packed_pair(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int p, int column,
                          Ahead& ahead) {
    const int blocks = w.k / kActivationBlock;
    const uint8_t* const panel = w.data + static_cast<size_t>(p) * w.panel_bytes;
    const uint8_t* codes[2] = {panel + w.codes_offset, panel + w.panel_bytes + w.codes_offset};
    Columns columns = Block::columns_at(x, column, 0);
    Ahead rest = ahead;
    F acc[2][kColumns];
#pragma clang loop unroll(full)
    for (int c = 0; c < kColumns; ++c) acc[0][c] = acc[1][c] = V::splat(0.0f);
    for (int b = 0; b < blocks; ++b) {
      rest.ask();
      const BlockScales s[2] = {Block::scales_at(panel, b, 0), Block::scales_at(panel + w.panel_bytes, b, 0)};
      Block::template add_packed_pair<kColumns>(codes, s, columns, acc);
      codes[0] += L.code_bytes();
      codes[1] += L.code_bytes();
      columns.next_block();
    }
    ahead = rest;
    write_coded<kColumns>(acc[0], x.terms, y, p * kPanelRows, w.rows, column);
    write_coded<kColumns>(acc[1], x.terms, y, (p + 1) * kPanelRows, w.rows, column);
  }

  template <int kColumns>
  STUDIO_INLINE void packed_pair_of(int columns, const PanelView& w, const ActivationView& x, const MatmulOutput& y,
                                    int p, int column, Ahead& ahead) {
    if (columns == kColumns) return packed_pair<kColumns>(w, x, y, p, column, ahead);
    if constexpr (kColumns > 1) packed_pair_of<kColumns - 1>(columns, w, x, y, p, column, ahead);
  }

  // Few columns of two panels, of which the passes after the first find them in the caches. All ask for what is next.
  STUDIO_INLINE void few_columns_of_pair(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int panel,
                                         int panel_end) {
    const uint8_t* const next = next_panel(w, panel, 2, panel_end);
    const int n = x.coded, passes = (n + kPairColumns - 1) / kPairColumns;
    const int step = (n / x.terms + passes - 1) / passes * x.terms;
    const ptrdiff_t bytes = 2 * static_cast<ptrdiff_t>(w.panel_bytes), blocks = w.k / kActivationBlock * passes;
    Ahead ahead{next, next + bytes, nullptr, bytes, (bytes + blocks - 1) / blocks};
    for (int c = 0; c < n; c += step) {
      packed_pair_of<kPairColumns>(std::min(n - c, step), w, x, y, panel, c, ahead);
    }
  }

  // Few columns: as many passes over the packed panel as it takes, each of about the same number of columns. All but
  // the first find the panel in the second-level cache. A column's terms share a pass: kColumns is even everywhere.
  STUDIO_INLINE void few_columns(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int panel,
                                 int panel_end) {
    const uint8_t* const next = next_panel(w, panel, 1, panel_end);
    static_assert(V::kColumns % 2 == 0);
    for (int group = 0; group < x.coded; group += x.width) {
      const int n = x.coded - group < x.width ? x.coded - group : x.width;
      const int passes = (n + V::kColumns - 1) / V::kColumns;
      const int step = (n / x.terms + passes - 1) / passes * x.terms;
      for (int c = 0; c < n; c += step) {
        kPacked[n - c < step ? n - c : step](w, x, y, panel, group + c, group + c == 0 ? next : nullptr);
      }
    }
  }

  // Adds the product with coded column `column` to those rows of a panel whose y is not below `least`, and asks for
  // the panel `next` meanwhile, unless it is null.
  static void refine_panel(const PanelView& w, const ActivationView& x, int column, float least, float* y, int p,
                           const uint8_t* next) {
    const int blocks = w.k / kActivationBlock;
    const uint8_t* panel = w.data + static_cast<size_t>(p) * w.panel_bytes;
    const ptrdiff_t bytes = static_cast<ptrdiff_t>(w.panel_bytes);
    Ahead ahead{next, next == nullptr ? nullptr : next + bytes, nullptr, bytes, (bytes + blocks - 1) / blocks};
    for (int part = 0; part < kParts; ++part) {
      const int row = p * kPanelRows + part * V::kLanes, left = w.rows - row;
      if (left <= 0) break;
      const F first = V::load_first(y + row, left);
      const auto is_far = V::less(first, V::splat(least));
      const uint8_t* codes = panel + w.codes_offset + part * V::kLanes * 4;
      Columns columns = Block::columns_at(x, column, 0);
      F acc[1] = {V::splat(0.0f)};
      for (int b = 0; b < blocks; ++b) {
        ahead.ask();
        Block::template add_block<false, 1>(codes, Block::scales_at(panel, b, part), columns, acc);
        codes += L.code_bytes();
        columns.next_block();
      }
      V::store_first(y + row, V::select(is_far, first, V::add(first, acc[0])), left);
    }
  }

  // See KernelSet::refine. The panels to compute are few and lie far apart: while one is computed, the next is fetched.
  static void refine(const PanelView& w, const ActivationView& x, int column, float least, float* y, int panel_begin,
                     int panel_end) {
    int found = -1;
    for (int p = panel_begin; p < panel_end; ++p) {
      bool is_near = false;
      for (int part = 0; part < kParts; ++part) {
        const int row = p * kPanelRows + part * V::kLanes, left = w.rows - row;
        if (left > 0) is_near |= !V::all(V::less(V::load_first(y + row, left), V::splat(least)));
      }
      if (!is_near) continue;
      const uint8_t* next = w.data + static_cast<size_t>(p) * w.panel_bytes;
      if (found >= 0) refine_panel(w, x, 2 * column + 1, least, y, found, next);
      found = p;
    }
    if (found >= 0) refine_panel(w, x, 2 * column + 1, least, y, found, nullptr);
  }

  static void run(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int panel_begin, int panel_end) {
    if (x.coded <= V::kPackedColumns) {
      int p = panel_begin;
      if constexpr (kHasPairs) {
        for (; p + 2 <= panel_end; p += 2) few_columns_of_pair(w, x, y, p, panel_end);
      }
      for (; p < panel_end; ++p) few_columns(w, x, y, p, panel_end);
      return;
    }
    for (int begin = 0; begin < x.coded; begin += kStripColumns) {
      const int end = begin + kStripColumns < x.coded ? begin + kStripColumns : x.coded;
      int p = panel_begin;
      if constexpr (kHasPairs) {
        const int pairs_end = *x.wild == 0 ? panel_end : p;
        for (; p + 2 <= pairs_end; p += 2) many_columns<2>(w, x, y, p, panel_end, begin, end);
      }
      for (; p < panel_end; ++p) many_columns<1>(w, x, y, p, panel_end, begin, end);
    }
  }
};

}  // namespace studio::engine
