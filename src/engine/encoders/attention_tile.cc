#include "engine/encoders/attention_tile.h"

#include <algorithm>

namespace studio::engine {
namespace {

AlignedBuffer floats(size_t count) {
  return AlignedBuffer(count * sizeof(float), AlignedBuffer::Use::kFromFront);
}

}  // namespace

int panels_for(int rows) {
  return (rows + kPanelRows - 1) / kPanelRows;
}

ActivationView float_columns(float* values, int columns, int k) {
  ActivationView view;
  view.columns = view.coded = columns;
  view.k = k;
  view.values = values;
  return view;
}

AttentionTile::AttentionTile(int head_dim, int max_tokens)
    : head_dim_(head_dim),
      k_panels_(floats(static_cast<size_t>(panels_for(max_tokens)) * kPanelRows * static_cast<size_t>(head_dim))),
      v_panels_(floats(static_cast<size_t>(max_tokens) * static_cast<size_t>(head_dim))),
      queries_(floats(kTileQueries * static_cast<size_t>(head_dim))),
      scores_(floats(kTileQueries * static_cast<size_t>(max_tokens))) {}

std::vector<AttentionTile> AttentionTile::for_each_thread(const ThreadPool& pool, int head_dim, int max_tokens) {
  std::vector<AttentionTile> tiles;
  for (int i = 0; i < pool.threads(); ++i) tiles.emplace_back(head_dim, max_tokens);
  return tiles;
}

bool AttentionTile::has_memory() const {
  return k_panels_.data() != nullptr && v_panels_.data() != nullptr && queries_.data() != nullptr &&
         scores_.data() != nullptr;
}

void AttentionTile::pack(const TextRows& text, int kv_head, const AttentionInput& input) {
  const auto dim = static_cast<size_t>(head_dim_), tokens = static_cast<size_t>(text.tokens);
  const size_t offset = static_cast<size_t>(kv_head) * dim;
  float* const keys = k_panels_.as<float>();
  float* const values = v_panels_.as<float>();
  const size_t last = static_cast<size_t>(panels_for(text.tokens) - 1) * kPanelRows * dim;
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

PanelView AttentionTile::keys(int seen) const {
  return {.type = DType::kF32,
          .rows = seen,
          .k = head_dim_,
          .data = k_panels_.data(),
          .panel_bytes = static_cast<size_t>(head_dim_) * kPanelRows * sizeof(float)};
}

PanelView AttentionTile::values(int seen, int tokens) const {
  return {.type = DType::kF32,
          .rows = head_dim_,
          .k = seen,
          .data = v_panels_.data(),
          .panel_bytes = static_cast<size_t>(tokens) * kPanelRows * sizeof(float)};
}

ActivationView AttentionTile::queries(const AttentionInput& input, int head, size_t first, int n, float scale) {
  const auto dim = static_cast<size_t>(head_dim_);
  float* const scaled = queries_.as<float>();
  for (size_t t = 0; t < static_cast<size_t>(n); ++t) {
    const float* const q = input.q + (first + t) * input.stride + static_cast<size_t>(head) * dim;
    for (size_t d = 0; d < dim; ++d) scaled[t * dim + d] = q[d] * scale;
  }
  return float_columns(scaled, n, head_dim_);
}

}  // namespace studio::engine
