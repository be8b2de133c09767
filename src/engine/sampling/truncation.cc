#include "engine/sampling/truncation.h"

#include <algorithm>
#include <cmath>

namespace studio::engine {
namespace {

// What precedes a boundary: so many tokens with so much weight.
struct Reached {
  Boundary boundary;
  int64_t count = 0, weight = 0;
};

// The tokens of one bucket that can be drawn at all.
void gather_bucket(const VocabRow& row, std::span<const float> weights, int bucket, BoundaryScratch& scratch) {
  scratch.members.clear();
  for (size_t block = 0; block < row.logits.size(); block += kVocabBlock) {
    const uint16_t* buckets = scratch.buckets.data() + block;
    bool any = false;
    for (int i = 0; i < kVocabBlock; ++i) any |= buckets[i] == bucket;
    const size_t end = any ? std::min(row.logits.size(), block + kVocabBlock) : block;
    for (size_t i = block; i < end; ++i) {
      if (scratch.buckets[i] != bucket) continue;
      const int64_t units = weight_units(weights[i]);
      scratch.members.push_back({row.logits[i], static_cast<TokenId>(i), units});
    }
  }
}

// The first of the members, in order, where `enough(count, weight)` holds; `reached` is what the buckets before hold.
// Quickselect: halves the range that holds the boundary. Candidates are distinct (ids are), so it ends.
template <typename Enough>
Reached select(std::vector<Candidate>& members, Reached reached, Enough enough) {
  auto begin = members.begin(), end = members.end();
  while (end - begin > 1) {
    const auto middle = begin + (end - begin) / 2;
    std::nth_element(begin, middle, end);
    Reached first_half = reached;
    for (auto it = begin; it != middle; ++it) first_half.weight += it->weight;
    first_half.count += middle - begin;
    if (enough(first_half.count, first_half.weight)) {
      end = middle;
    } else {
      begin = middle;
      reached = first_half;
    }
  }
  return {{begin->logit, begin->id}, reached.count + 1, reached.weight + begin->weight};
}

template <typename Enough>
Reached find_reached(const VocabRow& row, std::span<const float> weights, const Histogram& histogram, Enough enough,
                     BoundaryScratch& scratch) {
  Reached before;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    Reached after{{}, before.count + histogram.count[bucket], before.weight + histogram.weight[bucket]};
    if (enough(after.count, after.weight)) {
      gather_bucket(row, weights, bucket, scratch);
      return select(scratch.members, before, enough);
    }
    before = after;
  }
  return before;  // never enough: everything stays
}

}  // namespace

int64_t top_p_target(float top_p, int64_t total) {
  // The product of two doubles, rounded once, the same everywhere; top_p < 1 keeps it under 2^63.
  const double target = std::ceil(static_cast<double>(top_p) * static_cast<double>(total));
  return std::clamp<int64_t>(static_cast<int64_t>(target), 1, total);
}

void gather_first(const VocabRow& row, int count, std::vector<float>& scratch, std::vector<Candidate>& out) {
  out.clear();
  float bound = -__builtin_inff();
  if (static_cast<size_t>(count) < row.block_max.size()) {
    scratch.assign(row.block_max.begin(), row.block_max.end());
    std::nth_element(scratch.begin(), scratch.begin() + (count - 1), scratch.end(), std::greater<>());
    bound = scratch[static_cast<size_t>(count - 1)];
  }
  for (size_t block = 0; block < row.block_max.size(); ++block) {
    if (row.block_max[block] < bound) continue;
    const size_t end = std::min(row.logits.size(), (block + 1) * kVocabBlock);
    for (size_t i = block * kVocabBlock; i < end; ++i) {
      if (row.logits[i] >= bound) out.push_back({row.logits[i], static_cast<TokenId>(i), 0});
    }
  }
}

Boundary find_boundary(const VocabRow& row, std::span<const float> weights, int64_t total, int top_k, float top_p,
                       BoundaryScratch& scratch) {
  scratch.buckets.resize(weights.size());
  Histogram histogram{};
  vocab_passes().fill_histogram(row.logits.data(), weights.data(), static_cast<int>(row.logits.size()), row.max,
                                row.inverse_temperature, top_k > 0, scratch.buckets.data(), &histogram);
  Boundary boundary;
  if (top_k > 0) {
    const auto enough = [top_k](int64_t count, int64_t) { return count >= top_k; };
    const Reached reached = find_reached(row, weights, histogram, enough, scratch);
    boundary = reached.boundary;
    total = reached.weight;
  }
  if (top_p < 1) {
    const int64_t target = top_p_target(top_p, total);
    const auto enough = [target](int64_t, int64_t weight) { return weight >= target; };
    boundary = find_reached(row, weights, histogram, enough, scratch).boundary;
  }
  return boundary;
}

}  // namespace studio::engine
