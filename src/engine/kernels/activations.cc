#include "engine/kernels/activations.h"

#include <algorithm>
#include <cstdlib>

namespace studio::engine {
namespace {

constexpr int kNarrowColumns = 8;  // up to here columns lie side by side without gaps
constexpr int kWideGroup = 16;     // above, in groups that tile instructions take whole

int width_for(int columns) {
  return columns <= kNarrowColumns ? columns : kWideGroup;
}

// Columns stored, lanes without data included.
size_t stored_columns(int columns) {
  const int width = width_for(columns);
  return static_cast<size_t>((columns + width - 1) / width) * static_cast<size_t>(width);
}

// Few columns use the beginnings alone.
AlignedBuffer from_front(size_t bytes) {
  return AlignedBuffer(bytes, AlignedBuffer::Use::kFromFront);
}

}  // namespace

Activations::Activations(int max_columns, int max_k, ActivationParts parts)
    : max_columns_(max_columns), max_k_(max_k), parts_(parts) {
  if (parts.values || parts.may_keep_values)
    values_ = from_front(static_cast<size_t>(max_columns) * static_cast<size_t>(max_k) * 4);
  if (parts.codes) {
    const size_t columns = stored_columns(max_columns * parts.max_terms);
    const size_t blocks = columns * static_cast<size_t>(max_k / kActivationBlock);
    codes_ = from_front(blocks * kActivationBlock);
    scales_ = from_front(blocks * sizeof(float));
    sums_ = from_front(blocks * sizeof(float));
    minus_sums_ = from_front(blocks * sizeof(int32_t));
    minus_halves_ = from_front(blocks * 2 * sizeof(int32_t));
    exponents_ = from_front(blocks * sizeof(int32_t));
    quarters_ = from_front(blocks * sizeof(int32_t));
    wild_ = std::make_unique<int32_t>(0);
  }
  reset(max_columns, max_k);
}

void Activations::reset(int columns, int k, int terms) {
  const bool fits =
      columns >= 1 && columns <= max_columns_ && k >= 1 && k <= max_k_ && terms >= 1 && terms <= parts_.max_terms;
  if (!fits) std::abort();  // a write past the buffers otherwise
  const int coded = columns * terms;
  view_ = {.columns = columns,
           .k = k,
           .terms = terms,
           .coded = coded,
           .width = width_for(coded),
           .values = parts_.values || keeps_values_ ? values_.as<float>() : nullptr,
           .codes = codes_.as<int8_t>(),
           .scales = scales_.as<float>(),
           .sums = sums_.as<float>(),
           .minus_sums = minus_sums_.as<int32_t>(),
           .minus_halves = minus_halves_.as<int32_t>(),
           .exponents = exponents_.as<int32_t>(),
           .quarters = quarters_.as<int32_t>(),
           .wild = wild_.get()};
  if (wild_) *wild_ = 0;
}

void Activations::take_first_terms(const Activations& x, int begin, int end, int k_begin, int k_end) {
  const ActivationView& from = x.view_;
  const ActivationView& to = view_;
  if (from.columns != to.columns || from.k != to.k || to.terms != 1) std::abort();
  const auto k = static_cast<size_t>(to.k), blocks = k / kActivationBlock;
  const auto from_width = static_cast<size_t>(from.width), to_width = static_cast<size_t>(to.width);
  if (parts_.codes && __atomic_load_n(from.wild, __ATOMIC_RELAXED) != 0) __atomic_store_n(to.wild, 1, __ATOMIC_RELAXED);
  for (auto column = static_cast<size_t>(begin); column < static_cast<size_t>(end); ++column) {
    const auto first = static_cast<size_t>(k_begin), n = static_cast<size_t>(k_end - k_begin);
    if (parts_.values) std::copy_n(from.values + column * k + first, n, to.values + column * k + first);
    if (!parts_.codes) continue;
    const size_t coded = column * static_cast<size_t>(from.terms);
    const size_t from_lane = coded % from_width, to_lane = column % to_width;
    const size_t block = first / kActivationBlock, end_block = static_cast<size_t>(k_end) / kActivationBlock;
    size_t from_row = (coded / from_width * blocks + block) * from_width;
    size_t to_row = (column / to_width * blocks + block) * to_width;
    for (size_t b = block; b < end_block; ++b, from_row += from_width, to_row += to_width) {
      const size_t at = from_row + from_lane, there = to_row + to_lane;
      std::copy_n(from.codes + at * kActivationBlock, kActivationBlock, to.codes + there * kActivationBlock);
      to.scales[there] = from.scales[at];
      to.sums[there] = from.sums[at];
      to.minus_sums[there] = from.minus_sums[at];
      to.exponents[there] = from.exponents[at];
      to.quarters[there] = from.quarters[at];
      for (size_t half = 0; half < 2; ++half) {
        to.minus_halves[2 * to_row + half * to_width + to_lane] =
            from.minus_halves[2 * from_row + half * from_width + from_lane];
      }
    }
  }
}

}  // namespace studio::engine
