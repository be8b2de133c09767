#include "engine/tokenizer/bpe.h"

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <optional>
#include <queue>

namespace studio::engine {
namespace {

constexpr int kPlaceBits = 6;  // of a place in a short piece
static_assert(MergeTable::kShortPiece <= size_t{1} << kPlaceBits && kCodeBits + kPlaceBits < 32);
constexpr size_t kTogether =
    8;  // short pieces merged in turns: enough to hide memory, at home in the first-level cache

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

MergeTable::MergeTable(MergeTables tables) : tables_(tables), shift_(shift_of(tables.lines.size())) {
  for (size_t byte = 0; byte < 256; ++byte) lacks_bytes_ |= tables_.ids[byte] < 0;
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

// One short piece on its way. A symbol stands at the place of its first byte; what it swallowed merges no more.
// Nearly without branches: which pair merges next is nothing that a processor could guess.
template <size_t kMost>
class MergeTable::ShortMerge {
 public:
  void begin(const MergeTable& table, std::string_view piece) {
    count_ = 0;
    for (const char byte : piece) {
      if (table.lacks_bytes_ && !table.has_token(byte)) continue;
      symbols_[count_] = static_cast<uint8_t>(byte);
      next_[count_] = static_cast<uint8_t>(count_ + 1);
      previous_[count_ + 1] = static_cast<uint8_t>(count_);
      ++count_;
    }
    previous_[0] = kNobody;
    orders_.fill(kNone);
    for (size_t i = 0; i + 1 < count_; ++i) orders_[i] = order(table.code_of_bytes(symbols_[i], symbols_[i + 1]));
    is_looking_ = false;
  }

  // Merges once, and sends for what it makes possible; false where nothing merges any more.
  bool step(const MergeTable& table) {
    if (is_looking_) look(table);
    Order least = kNone;
    for (size_t i = 0; i < kMost; ++i) least = std::min(least, orders_[i] | static_cast<Order>(i));
    is_looking_ = least < kNone;
    if (!is_looking_) return false;
    merged_ = static_cast<size_t>(least) % (size_t{1} << kPlaceBits);
    const size_t right = next_[merged_], after = next_[right];
    symbols_[merged_] = table.merged_by(static_cast<MergeCode>(least >> kPlaceBits));
    next_[merged_] = static_cast<uint8_t>(after);
    previous_[after] = static_cast<uint8_t>(merged_);
    orders_[right] = kNone;
    table.prefetch(key_of(merged_, after));
    table.prefetch(key_of(previous_[merged_], merged_));
    return true;
  }

  void append_to(std::vector<TokenId>& ids, const MergeTable& table) const {
    for (size_t i = 0; i < count_; i = next_[i]) ids.push_back(table.id_of(symbols_[i]));
  }

 private:
  // A merge's code and below it its place: the least goes first, the leftmost among equals. Signed, as the first vector
  // instructions of x86-64 compare nothing else.
  using Order = int32_t;
  static constexpr Order kNone = Order{kNoMerge} << kPlaceBits;
  static constexpr uint8_t kNobody = kMost;  // before the first
  static Order order(MergeCode code) { return static_cast<Order>(code << kPlaceBits); }

  MergeKey key_of(size_t left, size_t right) const { return {symbols_[left], symbols_[right]}; }
  // Of the symbol that was made, with both neighbours; where there is none, in a line that is empty.
  void look(const MergeTable& table) {
    static constexpr MergeLine kEmpty{};
    const size_t after = next_[merged_], before = previous_[merged_];
    const MergeKey right = key_of(merged_, after), left = key_of(before, merged_);
    const MergeLine* const lines = table.tables_.lines.data();
    const MergeLine* const right_line = after < count_ ? lines + right.line(table.shift_) : &kEmpty;
    const MergeLine* const left_line = before != kNobody ? lines + left.line(table.shift_) : &kEmpty;
    orders_[merged_] = order(table.code_in(*right_line, right));
    orders_[before] = order(table.code_in(*left_line, left));
  }

  std::array<Symbol, kMost + 1> symbols_{};  // the last is nobody's
  std::array<Order, kMost + 1> orders_;      // of each symbol with the next one; the last is nobody's
  std::array<uint8_t, kMost + 1> next_, previous_;
  size_t count_ = 0;
  size_t merged_ = 0;  // the place of the symbol that the last step made
  bool is_looking_ = false;
};

void MergeTable::encode(std::string_view piece, std::vector<TokenId>& ids) const {
  const auto merge_short = [&](auto merge) {
    merge.begin(*this, piece);
    while (merge.step(*this)) continue;
    merge.append_to(ids, *this);
  };
  if (piece.size() <= kWord) {
    merge_short(ShortMerge<kWord>());
  } else if (piece.size() <= kShortPiece) {
    merge_short(ShortMerge<kShortPiece>());
  } else {
    encode_long(piece, ids);
  }
}

void MergeTable::encode_together(std::span<const std::string_view> pieces, std::vector<TokenId>& ids,
                                 std::span<size_t> ends) const {
  std::array<ShortMerge<kWord>, kTogether> merges;
  for (size_t from = 0; from < pieces.size(); from += kTogether) {
    const size_t count = std::min(kTogether, pieces.size() - from);
    for (size_t i = 0; i < count; ++i) merges[i].begin(*this, pieces[from + i]);
    for (bool has_merged = true; has_merged;) {
      has_merged = false;
      for (size_t i = 0; i < count; ++i) has_merged |= merges[i].step(*this);
    }
    for (size_t i = 0; i < count; ++i) {
      merges[i].append_to(ids, *this);
      ends[from + i] = ids.size();
    }
  }
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
  constexpr size_t kAhead = 16;  // merges whose lines are on their way from memory
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
    if (left < 256 && right < 256) {
      MergeCode& pair = tables_.byte_pairs[size_t{left} << 8 | right];
      pair = std::min(pair, code);
    }
  }
}

}  // namespace studio::engine
