#include "engine/lora/low_rank_products.h"

#include <algorithm>

namespace studio::engine {
namespace {

// Rows of one piece: a long prompt's are shared out over the threads, and down's panels stay in the caches.
constexpr int kPieceRows = 32;

}  // namespace

void LowRankProducts::begin() {
  groups_.clear();
  rows_ = 0;
}

void LowRankProducts::add(const Adapter* adapter, int rows) {
  const int first = rows_;
  rows_ += rows;
  if (adapter == nullptr || rows == 0) return;
  const bool goes_on =
      !groups_.empty() && groups_.back().adapter == adapter && groups_.back().first + groups_.back().n == first;
  if (goes_on) {
    groups_.back().n += rows;
  } else {
    groups_.push_back({adapter, first, rows});
  }
}

void LowRankProducts::keep(std::span<const int> rows) {
  const std::vector<AdapterRows> before = std::move(groups_);
  begin();
  size_t next = 0;
  for (const AdapterRows& group : before) {
    const size_t from = next;
    while (next < rows.size() && rows[next] < group.first) ++next;
    add(nullptr, static_cast<int>(next - from));
    const size_t inside = next;
    while (next < rows.size() && rows[next] < group.first + group.n) ++next;
    add(group.adapter, static_cast<int>(next - inside));
  }
}

void LowRankProducts::project(int layer, std::initializer_list<LoraTarget> targets, const float* x, int k) {
  for (const LoraTarget target : targets) updates_[static_cast<size_t>(target)].clear();
  if (groups_.empty()) return;
  size_t values = 0;
  for (const LoraTarget target : targets) {
    for (const AdapterRows& group : groups_) {
      const LowRank* product = group.adapter->find(layer, target);
      if (product != nullptr) values += static_cast<size_t>(group.n) * static_cast<size_t>(product->down.rows());
    }
  }
  if (mid_.size() < values) mid_.resize(values);
  pieces_.clear();
  float* mid = mid_.data();
  for (const LoraTarget target : targets) {
    for (const AdapterRows& group : groups_) {
      const LowRank* product = group.adapter->find(layer, target);
      if (product == nullptr) continue;
      updates_[static_cast<size_t>(target)].push_back({&product->up, mid, group.first, group.n});
      for (int done = 0; done < group.n; done += kPieceRows) {
        const int n = std::min(kPieceRows, group.n - done);
        pieces_.push_back({product, group.first + done, n, mid});
        mid += static_cast<size_t>(n) * static_cast<size_t>(product->down.rows());
      }
    }
  }
  pool_.parallel_for(static_cast<int64_t>(pieces_.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) compute(pieces_[static_cast<size_t>(i)], x, k);
  });
}

void LowRankProducts::compute(const Piece& piece, const float* x, int k) const {
  const FactorPanels& down = piece.product->down;
  const std::vector<float>& scales = piece.product->scales;
  const float* const rows = x + static_cast<size_t>(piece.first) * static_cast<size_t>(k);
  product_(down.view(), rows, piece.n, {.out = piece.mid, .stride = scales.size()}, 0, down.panels());
  float* mid = piece.mid;
  for (int row = 0; row < piece.n; ++row) {
    for (const float scale : scales) *mid++ *= scale;
  }
}

}  // namespace studio::engine
