#include "engine/tokenizer/bpe.h"

#include <bit>
#include <queue>

namespace studio::engine {
namespace {

constexpr size_t kShortPiece = 48;  // symbols; up to here looking at every pair beats keeping a heap

uint64_t key_of(TokenId left, TokenId right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

}  // namespace

void MergeTable::reserve(size_t merges) {
  slots_.assign(std::bit_ceil(std::max<size_t>(16, merges * 2)), Merge{});
}

size_t MergeTable::slot(uint64_t key) const {
  const size_t mask = slots_.size() - 1;
  size_t at = static_cast<size_t>((key * 0x9E3779B97F4A7C15u) >> 20) & mask;
  while (slots_[at].key != kEmpty && slots_[at].key != key) at = (at + 1) & mask;
  return at;
}

void MergeTable::add(TokenId left, TokenId right, TokenId merged) {
  if (slots_.empty()) reserve(1024);
  if (2 * (static_cast<size_t>(count_) + 1) > slots_.size()) {
    std::vector<Merge> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Merge& merge : old) {
      if (merge.key != kEmpty) slots_[slot(merge.key)] = merge;
    }
  }
  Merge& merge = slots_[slot(key_of(left, right))];
  if (merge.key == kEmpty) merge = {key_of(left, right), count_, merged};
  ++count_;
}

const MergeTable::Merge* MergeTable::find(TokenId left, TokenId right) const {
  if (slots_.empty()) return nullptr;
  const Merge& merge = slots_[slot(key_of(left, right))];
  return merge.key == kEmpty ? nullptr : &merge;
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
  const Merge* merges[kShortPiece];  // of each symbol with its right neighbour
  for (size_t i = 0; i + 1 < symbols.size(); ++i) merges[i] = find(symbols[i], symbols[i + 1]);
  while (symbols.size() > 1) {
    size_t best = symbols.size();
    uint32_t rank = ~uint32_t{0};
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      if (merges[i] != nullptr && merges[i]->rank < rank) rank = merges[best = i]->rank;
    }
    if (best == symbols.size()) return;
    symbols[best] = merges[best]->merged;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    for (size_t i = best + 1; i + 1 < symbols.size(); ++i) merges[i] = merges[i + 1];
    if (best + 1 < symbols.size()) merges[best] = find(symbols[best], symbols[best + 1]);
    if (best > 0) merges[best - 1] = find(symbols[best - 1], symbols[best]);
  }
}

void MergeTable::encode_long(std::vector<TokenId>& symbols) const {
  struct Candidate {
    uint32_t rank;
    uint32_t left, right;  // places of the symbols
    uint64_t key;          // stale when the symbols changed since
    bool operator>(const Candidate& other) const { return rank != other.rank ? rank > other.rank : left > other.left; }
  };
  constexpr uint32_t kNone = ~uint32_t{0};
  const auto n = static_cast<uint32_t>(symbols.size());
  std::vector<uint32_t> next(n), previous(n);
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap;
  auto consider = [&](uint32_t left, uint32_t right) {
    if (const Merge* merge = find(symbols[left], symbols[right])) heap.push({merge->rank, left, right, merge->key});
  };
  for (uint32_t i = 0; i < n; ++i) {
    previous[i] = i == 0 ? kNone : i - 1;
    next[i] = i + 1 == n ? kNone : i + 1;
    if (i + 1 < n) consider(i, i + 1);
  }
  while (!heap.empty()) {
    const Candidate top = heap.top();
    heap.pop();
    if (symbols[top.left] < 0 || symbols[top.right] < 0 || next[top.left] != top.right ||
        key_of(symbols[top.left], symbols[top.right]) != top.key) {
      continue;
    }
    symbols[top.left] = find(symbols[top.left], symbols[top.right])->merged;
    symbols[top.right] = -1;
    const uint32_t after = next[top.right];
    next[top.left] = after;
    if (after != kNone) {
      previous[after] = top.left;
      consider(top.left, after);
    }
    if (previous[top.left] != kNone) consider(previous[top.left], top.left);
  }
  std::erase(symbols, -1);
}

}  // namespace studio::engine
