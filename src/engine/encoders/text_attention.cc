#include "engine/encoders/text_attention.h"

#include <algorithm>
#include <cmath>

namespace studio::engine {

TextAttention::TextAttention(const KernelSet& kernels, ThreadPool& pool, int heads, int head_dim, int max_tokens)
    : kernels_(kernels),
      pool_(pool),
      heads_(heads),
      head_dim_(head_dim),
      scale_(static_cast<float>(1 / std::sqrt(static_cast<double>(head_dim)))),
      tiles_(AttentionTile::for_each_thread(pool, head_dim, max_tokens)) {}

bool TextAttention::has_memory() const {
  return std::ranges::all_of(tiles_, &AttentionTile::has_memory);
}

void TextAttention::run(std::span<const TextRows> texts, const AttentionInput& input, float* out, size_t out_stride) {
  const auto items = static_cast<int64_t>(texts.size()) * heads_;
  pool_.parallel_for(items, 1, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t i = begin; i < end; ++i) {
      attend(texts[static_cast<size_t>(i / heads_)], static_cast<int>(i % heads_), input, out, out_stride,
             tiles_[static_cast<size_t>(thread)]);
    }
  });
}

void TextAttention::attend(const TextRows& text, int head, const AttentionInput& input, float* out, size_t out_stride,
                           AttentionTile& tile) const {
  tile.pack(text, head, input);
  const size_t stride = static_cast<size_t>(text.tokens), offset = static_cast<size_t>(head * head_dim_);
  const PanelView keys = tile.keys(text.tokens), values = tile.values(text.tokens, text.tokens);
  for (int begin = 0; begin < text.tokens; begin += kTileQueries) {
    const int n = std::min(kTileQueries, text.tokens - begin);
    const auto first = static_cast<size_t>(text.first + begin);
    kernels_.matmul(keys, tile.queries(input, head, first, n, scale_), {.out = tile.scores(), .stride = stride}, 0,
                    panels_for(text.tokens));
    kernels_.softmax(tile.scores(), stride, text.tokens, 0, n);
    kernels_.matmul(values, float_columns(tile.scores(), n, text.tokens),
                    {.out = out + first * out_stride + offset, .stride = out_stride}, 0, panels_for(head_dim_));
  }
}

}  // namespace studio::engine
