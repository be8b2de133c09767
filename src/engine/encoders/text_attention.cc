#include "engine/encoders/text_attention.h"

#include <algorithm>
#include <cmath>

namespace studio::engine {
namespace {

// Queries that are taken together: whole blocks of the float product (12 columns), and for a text of 512 tokens scores
// of 96 KB, which stay in the second-level cache.
constexpr int kTileQueries = 48;

size_t panels_for(int rows) {
  return static_cast<size_t>((rows + kPanelRows - 1) / kPanelRows);
}

PanelView float_panels(const AlignedBuffer& panels, int rows, int k) {
  return {.type = DType::kF32,
          .rows = rows,
          .k = k,
          .data = panels.data(),
          .panel_bytes = static_cast<size_t>(k) * kPanelRows * sizeof(float)};
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

TextAttention::TextAttention(const KernelSet& kernels, ThreadPool& pool, int heads, int head_dim, int max_tokens)
    : kernels_(kernels),
      pool_(pool),
      heads_(heads),
      head_dim_(head_dim),
      scale_(static_cast<float>(1 / std::sqrt(static_cast<double>(head_dim)))) {
  const auto dim = static_cast<size_t>(head_dim), most = static_cast<size_t>(max_tokens);
  const auto buffer = [](size_t floats) {
    return AlignedBuffer(floats * sizeof(float), AlignedBuffer::Use::kFromFront);
  };
  for (int i = 0; i < pool.threads(); ++i) {
    scratch_.push_back({.k_panels = buffer(panels_for(max_tokens) * kPanelRows * dim),
                        .v_panels = buffer(most * dim),
                        .queries = buffer(kTileQueries * dim),
                        .scores = buffer(kTileQueries * most)});
  }
}

bool TextAttention::has_memory() const {
  return std::ranges::all_of(scratch_, [](const Scratch& scratch) {
    return scratch.k_panels.data() != nullptr && scratch.v_panels.data() != nullptr &&
           scratch.queries.data() != nullptr && scratch.scores.data() != nullptr;
  });
}

void TextAttention::run(std::span<const TextRows> texts, const AttentionInput& input, float* out, size_t out_stride) {
  const auto items = static_cast<int64_t>(texts.size()) * heads_;
  pool_.parallel_for(items, 1, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t i = begin; i < end; ++i) {
      attend(texts[static_cast<size_t>(i / heads_)], static_cast<int>(i % heads_), input, out, out_stride,
             scratch_[static_cast<size_t>(thread)]);
    }
  });
}

// Keys and values of one head as matrices: rows of the first are tokens, rows of the second the head's values.
void TextAttention::pack(const TextRows& text, int head, const AttentionInput& input, Scratch& scratch) const {
  const auto dim = static_cast<size_t>(head_dim_), tokens = static_cast<size_t>(text.tokens);
  const size_t offset = static_cast<size_t>(head) * dim;
  float* const keys = scratch.k_panels.as<float>();
  float* const values = scratch.v_panels.as<float>();
  const size_t last = (panels_for(text.tokens) - 1) * kPanelRows * dim;
  if (tokens % kPanelRows != 0) std::fill_n(keys + last, kPanelRows * dim, 0.0f);
  for (size_t t = 0; t < tokens; ++t) {
    const size_t at = (static_cast<size_t>(text.first) + t) * input.stride + offset;
    float* const column = keys + t / kPanelRows * kPanelRows * dim + t % kPanelRows;
    for (size_t d = 0; d < dim; ++d) column[d * kPanelRows] = input.k[at + d];
    for (size_t d = 0; d < dim; d += kPanelRows) {
      std::copy_n(input.v + at + d, kPanelRows, values + d * tokens + t * kPanelRows);
    }
  }
}

void TextAttention::attend(const TextRows& text, int head, const AttentionInput& input, float* out, size_t out_stride,
                           Scratch& scratch) const {
  pack(text, head, input, scratch);
  const auto dim = static_cast<size_t>(head_dim_), stride = static_cast<size_t>(text.tokens);
  const size_t offset = static_cast<size_t>(head) * dim;
  const PanelView keys = float_panels(scratch.k_panels, text.tokens, head_dim_);
  const PanelView values = float_panels(scratch.v_panels, head_dim_, text.tokens);
  float* const queries = scratch.queries.as<float>();
  float* const scores = scratch.scores.as<float>();
  for (int begin = 0; begin < text.tokens; begin += kTileQueries) {
    const int n = std::min(kTileQueries, text.tokens - begin);
    const auto first = static_cast<size_t>(text.first + begin);
    for (size_t t = 0; t < static_cast<size_t>(n); ++t) {
      const float* const q = input.q + (first + t) * input.stride + offset;
      for (size_t d = 0; d < dim; ++d) queries[t * dim + d] = q[d] * scale_;
    }
    kernels_.matmul(keys, float_columns(queries, n, head_dim_), {.out = scores, .stride = stride}, 0,
                    static_cast<int>(panels_for(text.tokens)));
    kernels_.softmax(scores, stride, text.tokens, 0, n);
    kernels_.matmul(values, float_columns(scores, n, text.tokens),
                    {.out = out + first * out_stride + offset, .stride = out_stride}, 0,
                    static_cast<int>(panels_for(head_dim_)));
  }
}

}  // namespace studio::engine
