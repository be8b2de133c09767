#include "engine/encoders/causal_attention.h"

#include <algorithm>
#include <cmath>

namespace studio::engine {
namespace {

// Queries that are taken together: whole blocks of the float product (12 columns), and few beside the tokens they see,
// as half a tile's work lies behind the places of its queries.
constexpr int kTileQueries = 48;

size_t panels_for(int rows) {
  return static_cast<size_t>((rows + kPanelRows - 1) / kPanelRows);
}

// Columns of f32 values as the float product reads them.
ActivationView float_columns(float* values, int columns, int k) {
  ActivationView view;
  view.columns = view.coded = columns;
  view.k = k;
  view.values = values;
  return view;
}

}  // namespace

CausalAttention::CausalAttention(const KernelSet& kernels, ThreadPool& pool, const CausalShape& shape)
    : kernels_(kernels),
      pool_(pool),
      shape_(shape),
      scale_(static_cast<float>(1 / std::sqrt(static_cast<double>(shape.head_dim)))) {
  const auto dim = static_cast<size_t>(shape.head_dim), most = static_cast<size_t>(shape.max_tokens);
  const auto buffer = [](size_t floats) {
    return AlignedBuffer(floats * sizeof(float), AlignedBuffer::Use::kFromFront);
  };
  for (int i = 0; i < pool.threads(); ++i) {
    scratch_.push_back({.k_panels = buffer(panels_for(shape.max_tokens) * kPanelRows * dim),
                        .v_panels = buffer(most * dim),
                        .queries = buffer(kTileQueries * dim),
                        .scores = buffer(kTileQueries * most)});
  }
}

bool CausalAttention::has_memory() const {
  return std::ranges::all_of(scratch_, [](const Scratch& scratch) {
    return scratch.k_panels.data() != nullptr && scratch.v_panels.data() != nullptr &&
           scratch.queries.data() != nullptr && scratch.scores.data() != nullptr;
  });
}

void CausalAttention::run(std::span<const TextRows> texts, const AttentionInput& input, float* out, size_t out_stride) {
  const auto items = static_cast<int64_t>(texts.size()) * shape_.heads;
  pool_.parallel_for(items, 1, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t i = begin; i < end; ++i) {
      attend(texts[static_cast<size_t>(i / shape_.heads)], static_cast<int>(i % shape_.heads), input, out, out_stride,
             scratch_[static_cast<size_t>(thread)]);
    }
  });
}

// Keys and values of one head as matrices: rows of the first are tokens, rows of the second the head's values.
void CausalAttention::pack(const TextRows& text, int kv_head, const AttentionInput& input, Scratch& scratch) const {
  const auto dim = static_cast<size_t>(shape_.head_dim), tokens = static_cast<size_t>(text.tokens);
  float* const keys = scratch.k_panels.as<float>();
  float* const values = scratch.v_panels.as<float>();
  const size_t last = (panels_for(text.tokens) - 1) * kPanelRows * dim;
  if (tokens % kPanelRows != 0) std::fill_n(keys + last, kPanelRows * dim, 0.0f);
  for (size_t t = 0; t < tokens; ++t) {
    const size_t at = (static_cast<size_t>(text.first) + t) * input.stride + static_cast<size_t>(kv_head) * dim;
    float* const column = keys + t / kPanelRows * kPanelRows * dim + t % kPanelRows;
    for (size_t d = 0; d < dim; ++d) column[d * kPanelRows] = input.k[at + d];
    for (size_t d = 0; d < dim; d += kPanelRows) {
      std::copy_n(input.v + at + d, kPanelRows, values + d * tokens + t * kPanelRows);
    }
  }
}

// Scores of queries first .. first + queries - 1 become weights of the tokens each sees, and 0 of the others.
void CausalAttention::weigh(float* scores, int first, int queries) const {
  const int seen = first + queries;  // by the last, and the stride of the rows
  for (int i = 0; i < queries; ++i) {
    const int own = first + i + 1;
    float* const row = scores + static_cast<size_t>(i) * static_cast<size_t>(seen);
    kernels_.softmax(row, static_cast<size_t>(seen), own, 0, 1);
    std::fill(row + own, row + seen, 0.0f);
  }
}

void CausalAttention::attend(const TextRows& text, int head, const AttentionInput& input, float* out, size_t out_stride,
                             Scratch& scratch) const {
  pack(text, head / (shape_.heads / shape_.kv_heads), input, scratch);
  const auto dim = static_cast<size_t>(shape_.head_dim);
  const size_t offset = static_cast<size_t>(head) * dim;
  PanelView keys{.type = DType::kF32,
                 .rows = 0,
                 .k = shape_.head_dim,
                 .data = scratch.k_panels.data(),
                 .panel_bytes = dim * kPanelRows * sizeof(float)};
  PanelView values{.type = DType::kF32,
                   .rows = shape_.head_dim,
                   .k = 0,
                   .data = scratch.v_panels.data(),
                   .panel_bytes = static_cast<size_t>(text.tokens) * kPanelRows * sizeof(float)};
  float* const queries = scratch.queries.as<float>();
  float* const scores = scratch.scores.as<float>();
  for (int begin = 0; begin < text.tokens; begin += kTileQueries) {
    const int n = std::min(kTileQueries, text.tokens - begin), seen = begin + n;
    const auto first = static_cast<size_t>(text.first + begin);
    for (size_t t = 0; t < static_cast<size_t>(n); ++t) {
      const float* const q = input.q + (first + t) * input.stride + offset;
      for (size_t d = 0; d < dim; ++d) queries[t * dim + d] = q[d] * scale_;
    }
    keys.rows = values.k = seen;
    kernels_.matmul(keys, float_columns(queries, n, shape_.head_dim),
                    {.out = scores, .stride = static_cast<size_t>(seen)}, 0, static_cast<int>(panels_for(seen)));
    weigh(scores, begin, n);
    kernels_.matmul(values, float_columns(scores, n, seen),
                    {.out = out + first * out_stride + offset, .stride = out_stride}, 0,
                    static_cast<int>(panels_for(shape_.head_dim)));
  }
}

}  // namespace studio::engine
