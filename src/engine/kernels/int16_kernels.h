// Products and attention in integers of 16 bits: an encoder's faster class of numerics, the same bits in every set
// (numerics.md, section 9). Pairs of words have twice the rate of f32 where a set multiplies them, and sums are exact.
// Kernels keep no state: they may run on several threads over disjoint ranges.
#pragma once

#include "engine/kernels/kernel_args.h"

namespace studio::engine {

// Weights and inputs as integers of 16 bits (numerics.md, section 9). Sums of a group's products fit in 32 bits:
// 1365 * 4095 * 384 < 2^31, 1365 * 32767 * 48 < 2^31.
inline constexpr int kInt16Group = 384;        // values along K that share a scale of an input
inline constexpr int kInt16ShareGroup = 48;    // of softmax's shares, which have more bits and one scale for all
inline constexpr int kInt16WeightCode = 1365;  // largest magnitudes
inline constexpr int kInt16Code = 4095;
inline constexpr int kInt16ShareCode = 32767;

// Weights [rows, K] in panels of 16 rows: value = code * the scale of its row. Rows and codes past the end are 0.
struct Int16PanelView {
  int rows = 0;
  int k = 0;
  const int16_t* codes = nullptr;  // [panels, pairs of K, 16, 2]
  const float* scales = nullptr;   // [panels, 16]
};

// Inputs [N, K]: value = code * the scale of its group.
struct Int16ColumnView {
  int columns = 0;  // N
  int k = 0;
  int group = kInt16Group;   // even
  size_t stride = 0;         // codes between columns: K, rounded up to an even number, or more
  int16_t* codes = nullptr;  // [N, stride]
  size_t scales_stride = 0;  // 0: one scale for all groups of all columns
  float* scales = nullptr;   // [N, groups]
};

// Queries that are taken together: whole blocks of 12 columns, whose scores stay in the second-level cache.
inline constexpr int kInt16Queries = 48;

// Where attention keeps what it makes of a text's head (int16_scratch.h); T rounded up to a multiple of 16.
struct Int16Scratch {
  int16_t* keys = nullptr;        // [T / 16, D / 2, 16, 2]
  float* key_scales = nullptr;    // [T]
  int16_t* values = nullptr;      // [D / 16, T / 2, 16, 2]
  float* value_scales = nullptr;  // [D]
  int16_t* queries = nullptr;     // [kInt16Queries, D]
  float* query_scales = nullptr;  // [kInt16Queries, groups of D]
  float* scores = nullptr;        // [kInt16Queries, T]
  int16_t* shares = nullptr;      // [kInt16Queries, T]
};

// Attention within one text, of one head; q, k, v and out [T, D] f32, rows so far apart. D is a multiple of 16.
struct Int16AttentionArgs {
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  size_t stride = 0;
  float* out = nullptr;
  size_t out_stride = 0;
  int tokens = 0;  // T
  int head_dim = 0;
  float scale = 1;  // times q
  Int16Scratch scratch;
};

struct Int16Kernels {
  // y = W x for panels [begin, end).
  void (*matmul)(const Int16PanelView& weights, const Int16ColumnView& x, const MatmulOutput& y, int panel_begin,
                 int panel_end);
  // Rows [begin, end) of x [rows, stride] become the columns of y.
  void (*quantize)(const float* x, size_t stride, const Int16ColumnView& y, int begin, int end);
  void (*attention)(const Int16AttentionArgs& args);
};

// Those of a set that this machine can run (kernel_set.h).
const Int16Kernels& int16_kernels(Isa isa);

}  // namespace studio::engine
