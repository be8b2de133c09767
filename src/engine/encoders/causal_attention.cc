#include "engine/encoders/causal_attention.h"

#include <algorithm>
#include <cmath>

namespace studio::engine {

CausalAttention::CausalAttention(const KernelSet& kernels, ThreadPool& pool, const CausalShape& shape)
    : kernels_(kernels),
      pool_(pool),
      shape_(shape),
      scale_(static_cast<float>(1 / std::sqrt(static_cast<double>(shape.head_dim)))),
      tiles_(AttentionTile::for_each_thread(pool, shape.head_dim, shape.max_tokens)) {}

bool CausalAttention::has_memory() const {
  return std::ranges::all_of(tiles_, &AttentionTile::has_memory);
}

void CausalAttention::run(std::span<const TextRows> texts, const AttentionInput& input, float* out, size_t out_stride) {
  const auto items = static_cast<int64_t>(texts.size()) * shape_.heads;
  pool_.parallel_for(items, 1, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t i = begin; i < end; ++i) {
      attend(texts[static_cast<size_t>(i / shape_.heads)], static_cast<int>(i % shape_.heads), input, out, out_stride,
             tiles_[static_cast<size_t>(thread)]);
    }
  });
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
                             AttentionTile& tile) const {
  tile.pack(text, head / (shape_.heads / shape_.kv_heads), input);
  const auto offset = static_cast<size_t>(head * shape_.head_dim);
  for (int begin = 0; begin < text.tokens; begin += kTileQueries) {
    const int n = std::min(kTileQueries, text.tokens - begin), seen = begin + n;
    const auto first = static_cast<size_t>(text.first + begin);
    kernels_.matmul(tile.keys(seen), tile.queries(input, head, first, n, scale_),
                    {.out = tile.scores(), .stride = static_cast<size_t>(seen)}, 0, panels_for(seen));
    weigh(tile.scores(), begin, n);
    kernels_.matmul(tile.values(seen, text.tokens), float_columns(tile.scores(), n, seen),
                    {.out = out + first * out_stride + offset, .stride = out_stride}, 0, panels_for(shape_.head_dim));
  }
}

}  // namespace studio::engine
