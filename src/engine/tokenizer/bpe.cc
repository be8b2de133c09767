#include "engine/tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <queue>

namespace studio::engine {
namespace {

constexpr size_t kShortPiece = 48;  // symbols; up to here looking at every pair beats keeping a heap

struct Candidate {
  uint32_t rank;
  uint32_t left;  // place of the pair's first symbol
  auto operator<=>(const Candidate&) const = default;
};

// Candidates by rank, by place among equals: a radix heap over ranks (Ahuja et al., 1990). A candidate moves at most
// once for each bit of a rank, in order of memory, however many candidates there are. What a merge makes possible
// nearly always has a higher rank than it; the few that do not (a token made in two ways, the second after its first
// use) wait in a small heap of their own.
class CandidateQueue {
 public:
  using Counts = std::array<size_t, 33>;  // by the bits of a rank

  // Room for the candidates before the first pop, taken once: grown step by step it would be twice the memory.
  explicit CandidateQueue(const Counts& counts) {
    for (size_t i = 0; i < counts.size(); ++i) buckets_[i].reserve(counts[i]);
  }
  void push(Candidate candidate) {
    if (has_begun_ && candidate.rank <= rank_) {
      early_.push(candidate);
    } else {
      buckets_[bucket_of(candidate.rank)].push_back(candidate);
    }
  }
  std::optional<Candidate> pop() {
    has_begun_ = true;
    if (taken_ == places_.size() && early_.empty() && !move_on()) return std::nullopt;
    const bool has_place = taken_ < places_.size();
    if (!early_.empty() && (!has_place || early_.top() < Candidate{rank_, places_[taken_]})) {
      const Candidate top = early_.top();
      early_.pop();
      return top;
    }
    return Candidate{rank_, places_[taken_++]};
  }

 private:
  // By the highest bit in which a rank differs from the running one; above it the bits are the same.
  size_t bucket_of(uint32_t rank) const { return static_cast<size_t>(std::bit_width(rank ^ rank_)); }

  // To the lowest rank there is, with all its places; false where nothing is left.
  bool move_on() {
    places_.clear();
    taken_ = 0;
    const auto lowest = std::find_if(buckets_.begin(), buckets_.end(), [](const auto& b) { return !b.empty(); });
    if (lowest == buckets_.end()) return false;
    moving_.clear();
    moving_.swap(*lowest);
    rank_ = std::min_element(moving_.begin(), moving_.end())->rank;
    places_.reserve(static_cast<size_t>(
        std::count_if(moving_.begin(), moving_.end(), [&](const Candidate& c) { return c.rank == rank_; })));
    for (const Candidate& candidate : moving_) {
      if (candidate.rank == rank_) {
        places_.push_back(candidate.left);
      } else {
        buckets_[bucket_of(candidate.rank)].push_back(candidate);
      }
    }
    // Of one source they come in order; of several they do not.
    if (!std::is_sorted(places_.begin(), places_.end())) std::sort(places_.begin(), places_.end());
    return true;
  }

  std::array<std::vector<Candidate>, 33> buckets_;
  std::vector<Candidate> moving_;
  std::vector<uint32_t> places_;  // of the running rank, ascending
  size_t taken_ = 0;              // of places_
  uint32_t rank_ = 0;             // the running one, once there is one
  bool has_begun_ = false;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> early_;  // of the running rank or lower
};

}  // namespace

void MergeTable::reserve(size_t merges) {
  resize(std::bit_ceil(std::max<size_t>(16, merges + merges / 2)));
}

void MergeTable::resize(size_t slots) {
  std::vector<Merge> old(slots);
  old.swap(slots_);
  shift_ = 64 - std::countr_zero(slots);
  for (const Merge& merge : old) {
    if (merge.left >= 0) slots_[slot(merge.left, merge.right)] = merge;
  }
}

size_t MergeTable::slot(TokenId left, TokenId right) const {
  const size_t mask = slots_.size() - 1;
  size_t at = first_slot(left, right);
  while (slots_[at].left >= 0 && (slots_[at].left != left || slots_[at].right != right)) at = (at + 1) & mask;
  return at;
}

void MergeTable::add(TokenId left, TokenId right, TokenId merged) {
  if (3 * (static_cast<size_t>(count_) + 1) > 2 * slots_.size()) resize(std::max<size_t>(1024, slots_.size() * 2));
  Merge& merge = slots_[slot(left, right)];
  if (merge.left < 0) merge = {left, right, count_, merged};
  ++count_;
}

const MergeTable::Merge* MergeTable::find(TokenId left, TokenId right) const {
  if (slots_.empty()) return nullptr;
  const Merge& merge = slots_[slot(left, right)];
  return merge.left < 0 ? nullptr : &merge;
}

void MergeTable::encode(std::string_view piece, std::vector<TokenId>& ids) const {
  thread_local std::vector<TokenId> symbols;
  symbols.clear();
  for (const char c : piece) {
    if (const TokenId id = bytes_[static_cast<uint8_t>(c)]; id >= 0) symbols.push_back(id);
  }
  if (symbols.empty()) return;
  if (symbols.size() <= kShortPiece) {
    encode_short(symbols);
  } else {
    encode_long(symbols);
  }
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

void MergeTable::encode_short(std::vector<TokenId>& symbols) const {
  constexpr uint32_t kNoRank = ~uint32_t{0};
  std::array<uint32_t, kShortPiece> ranks;  // of each symbol with its right neighbour
  std::array<TokenId, kShortPiece> merged;  // what the two become
  const auto look = [&](size_t i) {
    const Merge* merge = find(symbols[i], symbols[i + 1]);
    ranks[i] = merge != nullptr ? merge->rank : kNoRank;
    merged[i] = merge != nullptr ? merge->merged : -1;
  };
  size_t pairs = symbols.size() - 1;
  for (size_t i = 0; i < pairs; ++i) look(i);
  while (pairs > 0) {
    uint32_t lowest = kNoRank;
    for (size_t i = 0; i < pairs; ++i) lowest = std::min(lowest, ranks[i]);
    if (lowest == kNoRank) break;
    size_t best = 0;
    while (ranks[best] != lowest) ++best;
    symbols[best] = merged[best];
    --pairs;
    for (size_t i = best + 1; i <= pairs; ++i) symbols[i] = symbols[i + 1];
    for (size_t i = best + 1; i < pairs; ++i) {
      ranks[i] = ranks[i + 1];
      merged[i] = merged[i + 1];
    }
    if (best < pairs) look(best);
    if (best > 0) look(best - 1);
  }
  symbols.resize(pairs + 1);
}

// A symbol of several bytes stands in the cell of its first byte; its second and its last cell hold minus its length,
// so that both neighbours are found without lists beside the symbols.
void MergeTable::encode_long(std::vector<TokenId>& cells) const {
  const size_t n = cells.size();
  CandidateQueue::Counts counts{};
  for (size_t i = 0; i + 1 < n; ++i) {
    if (const Merge* merge = find(cells[i], cells[i + 1])) ++counts[static_cast<size_t>(std::bit_width(merge->rank))];
  }
  CandidateQueue queue(counts);
  const auto length = [&](size_t at) {
    return at + 1 < n && cells[at + 1] < 0 ? static_cast<size_t>(-cells[at + 1]) : 1;
  };
  const auto consider = [&](size_t left, size_t right) {
    if (const Merge* merge = find(cells[left], cells[right])) queue.push({merge->rank, static_cast<uint32_t>(left)});
  };
  for (size_t i = 0; i + 1 < n; ++i) consider(i, i + 1);
  while (const std::optional<Candidate> top = queue.pop()) {
    const size_t left = top->left;
    if (cells[left] < 0) continue;  // inside of another symbol by now
    const size_t right = left + length(left);
    if (right == n) continue;
    const Merge* merge = find(cells[left], cells[right]);
    if (merge == nullptr || merge->rank != top->rank) continue;  // the pair changed since
    const size_t after = right + length(right);
    cells[left] = merge->merged;
    cells[right] = -1;
    cells[left + 1] = cells[after - 1] = -static_cast<TokenId>(after - left);
    if (after < n) consider(left, after);
    if (left == 0) continue;
    consider(cells[left - 1] < 0 ? left - static_cast<size_t>(-cells[left - 1]) : left - 1, left);
  }
  std::erase_if(cells, [](TokenId id) { return id < 0; });
}

}  // namespace studio::engine
