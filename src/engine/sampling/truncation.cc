#include "engine/sampling/truncation.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "engine/sampling/natural_log.h"

namespace studio::engine {
namespace {

// The tokens up to one: the last of them, their number and weight.
struct Reached {
  Candidate last{};
  int64_t count = 0, weight = 0;
};

int64_t weight_of(const VocabRow& row, TokenId id) {
  return weight_units(sampling_weight(row.logits[id], row.max, row.inverse_temperature));
}

void list_candidates(const VocabRow& row, std::span<const TokenId> ids, std::vector<Candidate>& out) {
  out.clear();
  for (const TokenId id : ids) out.push_back({row.logits[id], id, 0});
}

int64_t weigh_list(const VocabRow& row, std::vector<Candidate>& list) {
  int64_t total = 0;
  for (Candidate& c : list) total += c.weight = weight_of(row, c.id);
  return total;
}

// Every token that reaches the count-th largest block maximum, by rising id: `count` or more.
void list_reaching(const VocabRow& row, int count, SelectionScratch& scratch, std::vector<Candidate>& out) {
  const float bound = vocab_passes().bound_of_first(row, count);
  const int found = vocab_passes().gather_reaching(row, bound, scratch.ids.data());
  list_candidates(row, {scratch.ids.data(), static_cast<size_t>(found)}, out);
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
  return {*begin, reached.count + 1, reached.weight + begin->weight};
}

// Keeps the first of the list, in order, until enough(count, weight) holds; the list must have enough.
template <typename Enough>
void keep_until(Enough enough, SelectionScratch& scratch, std::vector<Candidate>& list) {
  scratch.members = list;
  const Candidate last = select(scratch.members, {}, enough).last;
  std::erase_if(list, [&last](const Candidate& c) { return last < c; });
}

template <typename Enough>
Reached find_reached(const VocabRow& row, const Histogram& histogram, Enough enough, SelectionScratch& scratch) {
  Reached before;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    const int64_t count = before.count + histogram.count[bucket], weight = before.weight + histogram.weight[bucket];
    if (enough(count, weight)) {
      const int found = vocab_passes().gather_bucket(row, bucket, scratch.ids.data());
      list_candidates(row, {scratch.ids.data(), static_cast<size_t>(found)}, scratch.members);
      weigh_list(row, scratch.members);
      return select(scratch.members, before, enough);
    }
    before.count = count;
    before.weight = weight;
  }
  before.last = {-__builtin_inff(), INT32_MAX, 0};  // never enough: everything that can be drawn stays
  return before;
}

}  // namespace

int64_t top_p_target(float top_p, int64_t total) {
  // The product of two doubles, rounded once, the same everywhere; top_p < 1 keeps it under 2^63.
  const double target = std::ceil(static_cast<double>(top_p) * static_cast<double>(total));
  return std::clamp<int64_t>(static_cast<int64_t>(target), 1, total);
}

int64_t list_first(const VocabRow& row, int count, SelectionScratch& scratch, std::vector<Candidate>& out) {
  list_reaching(row, count, scratch, out);
  if (out.size() > static_cast<size_t>(count)) {
    keep_until([count](int64_t so_many, int64_t) { return so_many >= count; }, scratch, out);
  }
  return weigh_list(row, out);
}

void keep_nucleus(int64_t target, SelectionScratch& scratch, std::vector<Candidate>& list) {
  keep_until([target](int64_t, int64_t weight) { return weight >= target; }, scratch, list);
}

bool list_nucleus(const VocabRow& row, int64_t target, SelectionScratch& scratch, std::vector<Candidate>& out) {
  // Of 151,936 real logits 64 maxima let about 100 tokens through, 512 about 1,600.
  const int blocks = vocab_blocks(row.vocab_size);
  for (const int count : {std::clamp(blocks / 8, 1, 64), std::clamp(blocks / 2, 1, 512)}) {
    list_reaching(row, count, scratch, out);
    const int64_t weight = weigh_list(row, out);
    if (weight >= target) {
      keep_nucleus(target, scratch, out);
      return true;
    }
    if (weight < target / 4 * 3) break;  // far off: the longer list would not reach it either
  }
  return false;
}

void find_last_kept(const VocabRow& row, int64_t total, int top_k, float top_p, SelectionScratch& scratch, Kept& kept) {
  Histogram histogram{};
  vocab_passes().fill_histogram(row, top_k > 0, &histogram);
  Reached reached{{kept.logit, kept.id, 0}, 0, total};
  if (top_k > 0) {
    const auto enough = [top_k](int64_t count, int64_t) { return count >= top_k; };
    reached = find_reached(row, histogram, enough, scratch);
  }
  if (top_p < 1) {
    const int64_t target = top_p_target(top_p, reached.weight);
    const auto enough = [target](int64_t, int64_t weight) { return weight >= target; };
    reached = find_reached(row, histogram, enough, scratch);
  }
  kept.logit = reached.last.logit;
  kept.id = reached.last.id;
}

int64_t kept_weight(const VocabRow& row, const Kept& kept, TokenId id) {
  const float logit = row.logits[id];
  if (logit < kept.logit || (logit == kept.logit && id > kept.id)) return 0;
  const int64_t weight = weight_of(row, id);
  return weight < kept.min_weight ? 0 : weight;
}

void keep_min_p(float min_p, Kept& kept) {
  kept.min_weight = static_cast<int64_t>(static_cast<double>(min_p) * static_cast<double>(kFullWeight));
  if (kept.min_weight == 0) return;
  // The lightest weight that rounds to min_weight lies half a unit under it. Exponentials are right to 2^-22: what is
  // 0.001 further off still cannot be heavy enough.
  const double lightest = (static_cast<double>(kept.min_weight) - 0.5) / static_cast<double>(kFullWeight);
  kept.furthest = std::max(kept.furthest, static_cast<float>(natural_log(lightest) - 0.001));
}

}  // namespace studio::engine
