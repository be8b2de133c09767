// What the kernels take: plain structs, and the table of functions itself.
//
// This header is all that the sources compiled for one instruction set include, and it holds no inline function: one
// compiled there could be the copy the linker keeps for everyone. Strides count elements; ranges are half-open.
// Pointers need no alignment beyond their type's unless said.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/tensor/dtype.h"
#include "engine/tensor/kv_type.h"

namespace studio::engine {

inline constexpr int kPanelRows = 16;        // rows of a weight panel: the 32-bit lanes of a 512-bit register
inline constexpr int kActivationBlock = 32;  // values along K that share one activation scale

// Where the parts lie; plain pointers for the kernels. A value is the sum of `terms` quantised ones: term t of column n
// is coded column n * terms + t. W is the width: coded columns are stored in groups of W, and B = K / 32. Coded column
// c is lane c % W of group c / W. Lanes past the last one hold no data.
struct ActivationView {
  int columns = 0;  // N
  int k = 0;        // K
  int terms = 1;    // 1, or 2: the second is what the first left over (numerics.md, section 2)
  int coded = 0;    // N * terms
  int width = 1;    // W: `coded` itself up to 8, 16 above

  float* values = nullptr;          // [N, K], or null
  int8_t* codes = nullptr;          // [groups, B, W, 32] in -127 .. 127, or null with all below
  float* scales = nullptr;          // [groups, B, W]       value, or the term's share of it = code * scale
  float* sums = nullptr;            // [groups, B, W]       scale * (sum of the 32 codes), one rounding
  int32_t* minus_sums = nullptr;    // [groups, B, W]       -128 * (sum of the 32 codes)
  int32_t* minus_halves = nullptr;  // [groups, B, 2, W]    the same per 16 codes
  int32_t* exponents = nullptr;  // [groups, B, W]       scale = (1 + quarters / 4) * 2^e: e << 23; 0 where scale is 0
  int32_t* quarters = nullptr;   // [groups, B, W]       times 16: where the row of floats for it lies among four
  int32_t* wild = nullptr;       // not 0: some scale is past kLargestExponent, and no exponent may be added
};

// Weights' scales are at most 2^23 (f16 times 8 bits) and at least 2^-24: between 2^-99 and this, a product of both
// scales is a normal number and may be formed by adding exponents.
inline constexpr int kLargestExponent = 100;

// Plain pointers for the kernels. Panel p starts at data + p * panel_bytes: its scales, then its codes.
struct PanelView {
  DType type = DType::kF32;
  int rows = 0;
  int k = 0;
  const uint8_t* data = nullptr;
  size_t panel_bytes = 0;
  size_t codes_offset = 0;  // within a panel; a multiple of 64, like panel_bytes
  const uint8_t* after =
      nullptr;  // panels of the same size that the caller reads next: asked for ahead of time, no more
};

// kAuto: the fastest this CPU runs.
enum class Isa { kAuto, kScalar, kAvx2, kAvx512, kAmx };

// Where a matrix product goes: y [N, rows] f32.
struct MatmulOutput {
  float* out = nullptr;
  size_t stride = 0;            // between columns (tokens); >= rows
  const float* bias = nullptr;  // [rows] or null: y = product + bias
  bool add = false;             // out += y instead of out = y
};

// y = x / sqrt(mean(x^2) + eps) * weight, per column of K values.
struct NormInput {
  const float* x = nullptr;  // [N, K]
  size_t stride = 0;
  const float* weight = nullptr;  // [K]
  float eps = 0;
  int k = 0;
};

// Rotates pairs of each head's first `rotary_dim` values by the angles of the column's position.
struct RopeArgs {
  float* x = nullptr;  // [N, heads, head_dim], in place
  size_t stride = 0;   // between columns
  int heads = 0;
  int head_dim = 0;
  int rotary_dim = 0;          // even, <= head_dim
  bool interleaved = false;    // pairs (2i, 2i + 1); else (i, i + rotary_dim / 2), as Qwen has it
  const float* cos = nullptr;  // [N, rotary_dim / 2], see rope_table.h
  const float* sin = nullptr;
};

inline constexpr int kPageTokens = 16;   // tokens per KV page
inline constexpr int kMaxHeadDim = 256;  // head_dim is a multiple of 16 up to this: scratch of the attention kernel

// Where one (layer, kv head) keeps its pages. Page p: the keys at base + p * page_stride + k_offset, the values at
// v_offset, all in bytes and 64-byte aligned, kv_block_bytes(D, type) each: the upper bytes of 16-bit codes and the
// lower bytes, or the 8-bit codes, then the scales f32[16 tokens]. A value is (256 * upper + lower) * scale, or code *
// scale; keys of 8 bits are rotated. Keys lie [D / 4][16 tokens][4], bytes lifted by 128; values lie [4 fours of
// tokens][D][4], signed.
struct KvPages {
  uint8_t* base = nullptr;
  size_t page_stride = 0;
  size_t k_offset = 0;
  size_t v_offset = 0;
  int head_dim = 0;  // D
  KvType type = KvType::kInt16;
};

constexpr size_t kv_block_bytes(int head_dim, KvType type) {
  const size_t planes = type == KvType::kInt16 ? 2 : 1;
  return kPageTokens * (planes * static_cast<size_t>(head_dim) + sizeof(float));
}

// Writes n tokens at positions first .. first + n - 1 of a sequence, each rounded to codes and a scale.
struct KvStoreArgs {
  KvPages pages;
  const int32_t* page_table = nullptr;  // the sequence's pages; position s lies in page_table[s / 16], lane s % 16
  int first = 0;
  int n = 0;
  const float* k = nullptr;  // [n, D]
  const float* v = nullptr;  // [n, D]
  size_t k_stride = 0;       // between tokens
  size_t v_stride = 0;
  // [D] or null: taken off every key of 8 bits. Softmax does not see what all keys have in common, and codes need not
  // hold it. The same for all tokens of a pool.
  const float* k_center = nullptr;
};

// Weights that a thread reads after attention: kernels ask for them, front to back, while attention computes and memory
// has nothing else to do. One a thread; what was asked for is taken off.
struct WeightsAhead {
  static constexpr int kMaxSpans = 3;
  const uint8_t* spans[kMaxSpans] = {};
  size_t bytes[kMaxSpans] = {};  // multiples of 64
};

// Causal attention of one sequence's T new tokens with the G query heads that share one kv head. Token t stands at
// position first + t and sees positions 0 .. first + t, all stored before. Row r is token r / G, head r % G: callers
// may cut the T * G rows anywhere.
struct AttentionArgs {
  KvPages pages;
  const int32_t* page_table = nullptr;
  int first = 0;
  int group = 1;    // G
  float scale = 1;  // times q, usually 1 / sqrt(D)
  // Scores with all of the 16 bits, softmax's weights in as many; else without the last 8. Of pages of 16 bits alone.
  bool is_fine = false;
  const float* q = nullptr;  // [T, G, D]
  size_t q_stride = 0;       // between tokens; heads are adjacent
  float* out = nullptr;      // [T, G, D]
  size_t out_stride = 0;

  // Hints of what to ask memory for. That the first pages were asked for by the call before:
  bool is_asked_for = false;
  // What the calling thread will attend to next, or null: its first pages.
  const AttentionArgs* next = nullptr;
  WeightsAhead* weights = nullptr;  // or null
};

struct KernelSet {
  const char* name;  // "scalar", "avx2", "avx512", "amx"
  Isa isa;

  // y = W x for panels [begin, end). x has W's K, and codes (quantised weights) or values (float weights).
  void (*matmul)(const PanelView& weights, const ActivationView& x, const MatmulOutput& y, int panel_begin,
                 int panel_end);
  // y [rows] holds the product of the first term of column `column` of x, which has two: rows of panels [begin, end)
  // whose y is not below `least` get the second term's product too. Coded weights.
  void (*refine)(const PanelView& weights, const ActivationView& x, int column, float least, float* y, int panel_begin,
                 int panel_end);

  // Columns [begin, end); of a quantised result values [k_begin, k_end), both ends multiples of 32 (or K).
  void (*rms_norm)(const NormInput& in, float* y, size_t y_stride, int begin, int end);
  void (*rms_norm_quantize)(const NormInput& in, const ActivationView& y, int begin, int end, int k_begin, int k_end);
  void (*quantize)(const float* x, size_t stride, const ActivationView& y, int begin, int end, int k_begin, int k_end);
  // silu(gate) * up, quantised. gate and up [columns, stride] hold the values from k_begin on.
  void (*swiglu_quantize)(const float* gate, const float* up, size_t stride, const ActivationView& y, int begin,
                          int end, int k_begin, int k_end);
  void (*rope)(const RopeArgs& args, int begin, int end);

  void (*store_kv)(const KvStoreArgs& args);
  // Rows [begin, end) of T * G.
  void (*attention)(const AttentionArgs& args, int begin, int end);

  // Rows [begin, end), each by itself; what encoders are made of.
  // y = (x - mean) / sqrt(variance + eps) * weight + bias; y may be x.
  void (*layer_norm)(const NormInput& in, const float* bias, float* y, size_t y_stride, int begin, int end);
  // x [rows, n] becomes x * Phi(x), Phi of the normal distribution ("gelu", by erf), within 2^-21 |x|.
  void (*gelu)(float* x, size_t stride, int n, int begin, int end);
  // x [rows, n], n >= 1, becomes e^x over the row's sum of them.
  void (*softmax)(float* x, size_t stride, int n, int begin, int end);

  void (*add)(float* y, const float* x, size_t n);             // y += x
  void (*exp)(float* y, const float* x, size_t n);             // y = e^x, within 1.5 units in the last place
  float (*max)(const float* x, size_t n);                      // n >= 1, no NaN
  float (*sum_exp)(const float* x, size_t n, float subtract);  // sum of e^(x - subtract)
};

}  // namespace studio::engine
