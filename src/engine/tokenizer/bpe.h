// Byte-pair merging: bytes of one piece to token ids, the lowest-ranked pair first, the leftmost among equals.
//
// Short pieces are merged by looking for the best pair each time; long ones go through them rank by rank, so that four
// megabytes of one letter cost four times as much as one. Source: Sennrich et al., 2016; the order of merges is that of
// the HF `tokenizers` library. A MergeTable is a view of tables that a MergeFiller filled (vocabulary_tables.h owns
// them): any thread.
#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tensor/token.h"
#include "engine/tokenizer/seams.h"
#include "engine/tokenizer/unicode_classes.h"

namespace studio::engine {

// What is merged are symbols: a byte is one, and what the merge of rank r makes is symbol 256 + r. A symbol's number
// tells so where a look would cost a miss of every cache, and ids are looked up for those that are left.
inline constexpr int kSymbolBits = 21;  // seven times the merges of the largest vocabulary there is
inline constexpr size_t kMaxMerges = (size_t{1} << kSymbolBits) - 257;
using Symbol = uint32_t;

// A merge that can be: twice its rank, and 1 more where the token that it makes is also made by an earlier one, whose
// symbol it takes. The lowest goes first.
using MergeCode = uint32_t;
inline constexpr int kCodeBits = kSymbolBits + 1;
inline constexpr MergeCode kNoMerge = (MergeCode{1} << kCodeBits) - 1;

// An id that stands for another symbol: that symbol's number. Any number may come from a file, so it wraps.
inline constexpr TokenId alias_of(Symbol symbol) {
  return static_cast<TokenId>(~Symbol{1} - symbol);  // -2 - symbol
}

// Merges of pairs in one line of the cache, found by their tags without a branch. It reaches disk.
struct alignas(64) MergeLine {
  static constexpr size_t kMerges = 7;

  std::array<uint64_t, kMerges> merges;  // left, right, code
  std::array<uint8_t, kMerges> tags;     // of each, from its hash; 0: none
  uint8_t is_over;                       // 1: more of its merges stand in the next line
};
static_assert(sizeof(MergeLine) == 64);

template <template <typename> typename Span>
struct MergeTablesOf {
  Span<TokenId> ids;           // [256 + merges] of each symbol: its token, an alias, or -1 for a byte without one
  Span<MergeCode> byte_pairs;  // [256][256] of two bytes
  Span<MergeLine> lines;       // a power of two, at most three quarters full
  // [kHanCount] of each character of Chinese the symbol that its bytes become before anything else takes them; 0 where
  // they do not, or may not. Empty: of none.
  Span<Symbol> han = {};
};
template <typename T>
using ConstSpan = std::span<const T>;
template <typename T>
using MutableSpan = std::span<T>;
using MergeTables = MergeTablesOf<ConstSpan>;
using MutableMergeTables = MergeTablesOf<MutableSpan>;

// Where a pair stands: the upper bits of its hash choose the line, others its tag.
struct MergeKey {
  uint64_t pair, hash;

  MergeKey(Symbol left, Symbol right)
      : pair(static_cast<uint64_t>(left) << kSymbolBits | right), hash(pair * 0x9E3779B97F4A7C15u) {}
  size_t line(int shift) const { return static_cast<size_t>(hash >> shift); }
  uint8_t tag() const { return static_cast<uint8_t>(std::max<uint64_t>(1, hash >> 24 & 0xFF)); }
};

class MergeTable {
 public:
  MergeTable() = default;
  // Codes are of ranks that are there, an alias is of a symbol with a token, and some line is not over. Without
  // `seams` it asks nothing of `han`.
  explicit MergeTable(MergeTables tables, Seams seams = {});

  static constexpr size_t kShortPiece = 64;  // bytes; up to here looking at every pair beats keeping a heap
  static constexpr size_t kWord = 16;        // bytes; most pieces are shorter

  static size_t lines_for(size_t merges) {
    return std::bit_ceil(std::max<size_t>(16, merges * 4 / (3 * MergeLine::kMerges) + 1));
  }

  // Appends the ids of one piece. A byte without a token is left out, as the reference library does.
  void encode(std::string_view piece, std::vector<TokenId>& ids) const;
  // The same of pieces of up to kMost bytes, in turns, so that what they look for comes from memory together. The ids
  // of the i-th stand in slots [pieces][kMost], counts[i] of them. kMost: kWord or kShortPiece. `least`: 2 where it is
  // known that none of the pieces becomes a single token, so that nobody asks for that.
  template <size_t kMost>
  void encode_together(std::span<const std::string_view> pieces, std::span<TokenId> slots, std::span<uint8_t> counts,
                       size_t least = 1) const;
  // Some byte has no token.
  bool lacks_bytes() const { return lacks_bytes_; }

 private:
  template <size_t kMost>
  class ShortMerge;

  friend class MergeFiller;
  // The symbol that the bytes of a character become, and the highest code on the way; 0 where they stay several.
  std::pair<Symbol, MergeCode> merged_whole(std::array<uint8_t, 3> bytes) const;
  // Of the character at piece[at], where it may stand for its bytes: no merge takes a part of it together with what is
  // beside it, so that those of its bytes come first whatever stands there. 0: it may not.
  Symbol han_at(std::string_view piece, size_t at) const {
    if (!knows_han_ || at + 3 > piece.size()) return 0;
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(piece[i]); };
    const uint32_t index = han_index(byte(at), byte(at + 1), byte(at + 2));
    if (index >= kHanCount) return 0;
    const bool may_be =
        (at == 0 || !seams_.splits_at(piece, at)) && (at + 3 == piece.size() || !seams_.splits_at(piece, at + 3));
    return may_be ? tables_.han[index] : 0;
  }
  void prefetch_id(Symbol symbol) const { __builtin_prefetch(&tables_.ids[symbol]); }
  void prefetch(MergeKey key) const { __builtin_prefetch(&tables_.lines[key.line(shift_)]); }
  MergeCode code_of(MergeKey key) const { return code_in(tables_.lines[key.line(shift_)], key); }
  // Beginning in this line.
  MergeCode code_in(const MergeLine& line, MergeKey key) const {
    const uint32_t same = tags_like(line, key.tag());
    // Where no tag is the same the last one stands for it, whose pair is another.
    const uint64_t merge =
        line.merges[std::min<size_t>(MergeLine::kMerges - 1, static_cast<size_t>(std::countr_zero(same)))];
    const bool is_it = merge >> kCodeBits == key.pair && same != 0;
    if (!is_it && ((same & (same - 1)) != 0 || line.is_over != 0)) [[unlikely]]
      return code_behind(line, key);
    return is_it ? static_cast<MergeCode>(merge) & kNoMerge : kNoMerge;
  }
  // The plain search.
  MergeCode code_behind(const MergeLine& line, MergeKey key) const;
  // Bit i: tag i is this one.
  static uint32_t tags_like(const MergeLine& line, uint8_t tag) {
#ifdef __SSE2__
    const __m128i tags = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(line.tags.data()));
    const int same = _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8(static_cast<char>(tag))));
    return static_cast<uint32_t>(same) & ((1u << MergeLine::kMerges) - 1);
#else
    uint32_t same = 0;
    for (size_t i = 0; i < MergeLine::kMerges; ++i) same |= uint32_t{line.tags[i] == tag} << i;
    return same;
#endif
  }
  MergeCode code_of_bytes(Symbol left, Symbol right) const { return tables_.byte_pairs[size_t{left} << 8 | right]; }
  Symbol merged_by(MergeCode code) const {
    const Symbol symbol = 256 + code / 2;
    return code % 2 == 0 ? symbol : static_cast<Symbol>(alias_of(static_cast<Symbol>(tables_.ids[symbol])));
  }
  TokenId id_of(Symbol symbol) const {
    const TokenId id = tables_.ids[symbol];
    return id >= 0 ? id : tables_.ids[static_cast<Symbol>(alias_of(static_cast<Symbol>(id)))];
  }
  bool has_token(char byte) const { return tables_.ids[static_cast<uint8_t>(byte)] >= 0; }
  void encode_long(std::string_view piece, std::vector<TokenId>& ids) const;

  MergeTables tables_;
  Seams seams_;
  int shift_ = 0;  // 64 - log2 of the lines
  bool lacks_bytes_ = false;
  bool knows_han_ = false;
};

// A merge by its tokens.
struct TokenMerge {
  TokenId left, right, merged;
};

class MergeFiller {
 public:
  // Empties the tables; the lines are lines_for() the merges.
  explicit MergeFiller(MutableMergeTables tables);

  void set_byte(uint8_t byte, TokenId id) { tables_.ids[byte] = id; }
  // All merges, by rank, as many as the tables have room for, once the bytes are there; ids are below `tokens`. A pair
  // that is there already keeps its first rank.
  void fill(std::span<const TokenMerge> merges, size_t tokens);

 private:
  // A pair that is there already stays as it is.
  void add(MergeKey key, MergeCode code);
  void fill_han(std::span<const MergeCode> first_uses);

  MutableMergeTables tables_;
  int shift_;
};

}  // namespace studio::engine
