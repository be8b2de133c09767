#include "engine/tokenizer/bpe.h"

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <optional>
#include <queue>

#include "engine/tokenizer/short_merge.h"

namespace studio::engine {
namespace {

constexpr size_t kTogether = 12;  // short pieces merged in turns: enough to hide memory

int shift_of(size_t lines) {
  return 64 - std::countr_zero(lines);
}

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

MergeTable::MergeTable(MergeTables tables, Seams seams)
    : tables_(tables), seams_(seams), shift_(shift_of(tables.lines.size())) {
  for (size_t byte = 0; byte < 256; ++byte) lacks_bytes_ |= tables_.ids[byte] < 0;
  // A byte that is left out would make neighbours of what has it between.
  knows_han_ = !lacks_bytes_ && !tables_.han.empty() && !seams.is_empty();
}

MergeCode MergeTable::code_behind(const MergeLine& line, MergeKey key) const {
  for (size_t at = static_cast<size_t>(&line - tables_.lines.data());; at = (at + 1) & (tables_.lines.size() - 1)) {
    const MergeLine& here = tables_.lines[at];
    for (uint32_t same = tags_like(here, key.tag()); same != 0; same &= same - 1) {
      const uint64_t merge = here.merges[static_cast<size_t>(std::countr_zero(same))];
      if (merge >> kCodeBits == key.pair) return static_cast<MergeCode>(merge) & kNoMerge;
    }
    if (here.is_over == 0) return kNoMerge;
  }
}

void MergeTable::encode(std::string_view piece, std::vector<TokenId>& ids) const {
  if (piece.size() > kShortPiece) return encode_long(piece, ids);
  std::array<TokenId, kShortPiece> slots;
  std::array<uint8_t, 1> counts;
  if (piece.size() <= kWord) {
    encode_together<kWord>({&piece, 1}, slots, counts);
  } else {
    encode_together<kShortPiece>({&piece, 1}, slots, counts);
  }
  ids.insert(ids.end(), slots.begin(), slots.begin() + counts[0]);
}

template <size_t kMost>
void MergeTable::encode_together(std::span<const std::string_view> pieces, std::span<TokenId> slots,
                                 std::span<uint8_t> counts, size_t least) const {
  std::array<ShortMerge<kMost>, kTogether> merges;
  std::array<size_t, kTogether> of;  // pieces, of the running merges
  size_t begun = 0, running = 0;
  const auto end = [&](size_t lane) {
    counts[of[lane]] = static_cast<uint8_t>(merges[lane].write_to(&slots[of[lane] * kMost], *this));
  };
  // The next piece that has anything to merge; false where there is none.
  const auto begin = [&](size_t lane) {
    while (begun < pieces.size()) {
      merges[lane].begin(*this, pieces[begun], least);
      of[lane] = begun++;
      if (!merges[lane].is_done()) return true;
      end(lane);
    }
    return false;
  };
  while (running < kTogether && begin(running)) ++running;
  // As one ends the next one takes its turns: the fewer there are, the longer each waits for memory.
  while (running > 0) {
    for (size_t lane = 0; lane < running; ++lane) merges[lane].look(*this);
    for (size_t lane = 0; lane < running;) {
      if (merges[lane].merge(*this)) {
        ++lane;
        continue;
      }
      end(lane);
      if (begin(lane)) {
        ++lane;
      } else {
        merges[lane] = merges[--running];
        of[lane] = of[running];
      }
    }
  }
}

template void MergeTable::encode_together<MergeTable::kWord>(std::span<const std::string_view>, std::span<TokenId>,
                                                             std::span<uint8_t>, size_t) const;
template void MergeTable::encode_together<MergeTable::kShortPiece>(std::span<const std::string_view>,
                                                                   std::span<TokenId>, std::span<uint8_t>,
                                                                   size_t) const;

std::pair<Symbol, MergeCode> MergeTable::merged_whole(std::array<uint8_t, 3> bytes) const {
  const MergeCode left = code_of_bytes(bytes[0], bytes[1]), right = code_of_bytes(bytes[1], bytes[2]);
  const MergeCode first = std::min(left, right);
  if (first == kNoMerge) return {0, kNoMerge};
  const Symbol pair = merged_by(first);
  const MergeCode second = code_of(left <= right ? MergeKey(pair, bytes[2]) : MergeKey(bytes[0], pair));
  if (second == kNoMerge) return {0, kNoMerge};
  return {merged_by(second), std::max(first, second)};
}

// A symbol of several bytes stands in the cell of its first byte; its second and its last cell hold minus its length,
// so that both neighbours are found without lists beside the symbols.
void MergeTable::encode_long(std::string_view piece, std::vector<TokenId>& ids) const {
  thread_local std::vector<int32_t> cells;
  std::string kept;
  const auto has = [&](char byte) { return has_token(byte); };
  if (lacks_bytes_ && !std::all_of(piece.begin(), piece.end(), has)) {
    std::copy_if(piece.begin(), piece.end(), std::back_inserter(kept), has);
    piece = kept;
  }
  const size_t n = piece.size();
  cells.resize(n);
  for (size_t i = 0; i < n; ++i) cells[i] = static_cast<uint8_t>(piece[i]);
  const auto byte_at = [&](size_t i) { return Symbol{static_cast<uint8_t>(piece[i])}; };
  CandidateQueue::Counts counts{};
  for (size_t i = 0; i + 1 < n; ++i) {
    const MergeCode code = code_of_bytes(byte_at(i), byte_at(i + 1));
    if (code != kNoMerge) ++counts[static_cast<size_t>(std::bit_width(code))];
  }
  CandidateQueue queue(counts);
  const auto length = [&](size_t at) {
    return at + 1 < n && cells[at + 1] < 0 ? static_cast<size_t>(-cells[at + 1]) : 1;
  };
  const auto code_at = [&](size_t left, size_t right) {
    return code_of({static_cast<Symbol>(cells[left]), static_cast<Symbol>(cells[right])});
  };
  const auto consider = [&](size_t left, MergeCode code) {
    if (code != kNoMerge) queue.push({code, static_cast<uint32_t>(left)});
  };
  for (size_t i = 0; i + 1 < n; ++i) consider(i, code_of_bytes(byte_at(i), byte_at(i + 1)));
  while (const std::optional<Candidate> top = queue.pop()) {
    const size_t left = top->left;
    if (cells[left] < 0) continue;  // inside of another symbol by now
    const size_t right = left + length(left);
    if (right == n) continue;
    if (code_at(left, right) != top->rank) continue;  // the pair changed since
    const size_t after = right + length(right);
    cells[left] = static_cast<int32_t>(merged_by(top->rank));
    cells[right] = -1;
    cells[left + 1] = cells[after - 1] = -static_cast<int32_t>(after - left);
    if (after < n) consider(left, code_at(left, after));
    if (left == 0) continue;
    const size_t before = cells[left - 1] < 0 ? left - static_cast<size_t>(-cells[left - 1]) : left - 1;
    consider(before, code_at(before, left));
  }
  for (const int32_t cell : cells) {
    if (cell >= 0) ids.push_back(id_of(static_cast<Symbol>(cell)));
  }
}

MergeFiller::MergeFiller(MutableMergeTables tables) : tables_(tables), shift_(shift_of(tables.lines.size())) {
  std::fill(tables_.ids.begin(), tables_.ids.end(), -1);
  std::fill(tables_.byte_pairs.begin(), tables_.byte_pairs.end(), kNoMerge);
  std::fill(tables_.lines.begin(), tables_.lines.end(), MergeLine{});
  std::fill(tables_.han.begin(), tables_.han.end(), 0);
}

void MergeFiller::add(MergeKey key, MergeCode code) {
  for (size_t at = key.line(shift_);; at = (at + 1) & (tables_.lines.size() - 1)) {
    MergeLine& line = tables_.lines[at];
    for (size_t i = 0; i < MergeLine::kMerges; ++i) {
      if (line.tags[i] == 0) {
        line.tags[i] = key.tag();
        line.merges[i] = key.pair << kCodeBits | code;
        return;
      }
      if (line.merges[i] >> kCodeBits == key.pair) return;
    }
    line.is_over = 1;
  }
}

void MergeFiller::fill(std::span<const TokenMerge> merges, size_t tokens) {
  constexpr Symbol kNever = ~Symbol{0};  // a token that nothing makes; no merge of it can be
  std::vector<Symbol> symbols(tokens, kNever);
  for (Symbol byte = 0; byte < 256; ++byte) {
    if (tables_.ids[byte] >= 0) symbols[static_cast<size_t>(tables_.ids[byte])] = byte;
  }
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const TokenId merged = merges[rank].merged;
    Symbol& symbol = symbols[static_cast<size_t>(merged)];
    const bool is_first = symbol == kNever;
    if (is_first) symbol = static_cast<Symbol>(256 + rank);
    tables_.ids[256 + rank] = is_first ? merged : alias_of(symbol);
  }
  std::vector<MergeCode> first_uses(tables_.ids.size(), kNoMerge);  // of each symbol
  constexpr size_t kAhead = 16;                                     // merges whose lines are on their way from memory
  const auto left_of = [&](size_t rank) { return symbols[static_cast<size_t>(merges[rank].left)]; };
  const auto right_of = [&](size_t rank) { return symbols[static_cast<size_t>(merges[rank].right)]; };
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    if (const size_t next = rank + kAhead; next < merges.size()) {
      __builtin_prefetch(&tables_.lines[MergeKey(left_of(next), right_of(next)).line(shift_)]);
    }
    const Symbol left = left_of(rank), right = right_of(rank);
    if (left == kNever || right == kNever) continue;
    const MergeCode code = static_cast<MergeCode>(2 * rank) + (tables_.ids[256 + rank] < 0 ? 1 : 0);
    add({left, right}, code);
    for (const Symbol part : {left, right}) first_uses[part] = std::min(first_uses[part], code);
    if (left < 256 && right < 256) {
      MergeCode& pair = tables_.byte_pairs[size_t{left} << 8 | right];
      pair = std::min(pair, code);
    }
  }
  if (!tables_.han.empty()) fill_han(first_uses);
}

void MergeFiller::fill_han(std::span<const MergeCode> first_uses) {
  const MergeTable table({.ids = tables_.ids, .byte_pairs = tables_.byte_pairs, .lines = tables_.lines});
  for (uint32_t i = 0; i < kHanCount; ++i) {
    const auto [symbol, last_code] = table.merged_whole(utf8_of_han(kHanFirst + i));
    // Else something else may take the character's symbol before its bytes have merged.
    if (symbol != 0 && last_code < first_uses[symbol]) tables_.han[i] = symbol;
  }
}

}  // namespace studio::engine
