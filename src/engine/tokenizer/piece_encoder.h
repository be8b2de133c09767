// Text to ids: cut into pieces, pieces at their seams, and what is met again answered from a cache of words.
//
// The ids are those of merging every piece of splitter.h by itself; plain_tokenizer.h does it so and is what the tests
// compare with. One per encoding, not thread-safe.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "engine/tokenizer/piece_window.h"
#include "engine/tokenizer/splitter.h"
#include "engine/tokenizer/vocabulary_tables.h"
#include "engine/tokenizer/word_cache.h"

namespace studio::engine {

class PieceEncoder {
 public:
  // All outlive the encoder. Ids are appended to `ids`; all are there once encode() has returned.
  PieceEncoder(const VocabularyTables& tables, WordCache& cache, std::vector<TokenId>& ids,
               PieceWindowFn window = piece_window())
      : merges_(tables.merges()),
        seams_(tables.seams()),
        words_(tables.words()),
        least_of_unknown_(tables.has_all_words() ? 2 : 1),
        window_(window),
        cache_(cache),
        ids_(ids) {}

  // Text in the vocabulary's normal form.
  void encode(SplitPattern pattern, std::string_view text);

 private:
  // A piece that is to be answered: its key, or where it is longer than a key its size and no length.
  struct Pending {
    const char* at;
    WordKey key;
    // Where the cache may have it; once it is looked up its ids, unless it is a special one.
    const WordCache::Entry* entry;
  };

  // A pending piece that the cache does not have.
  struct New {
    size_t pending;
    size_t begin, end;  // of new_ids_, where it was merged
  };

  template <SplitPattern pattern>
  void encode_by(std::string_view text);
  void encode_by_windows(std::string_view text);
  // One look's pieces: the first begins at `begin`. Returns where one begins that is not whole yet.
  size_t put_pieces(std::string_view text, size_t begin, size_t at, uint64_t cuts);
  // Of what no look knows: the piece at text[at], whose letters may have begun before. Returns its end.
  size_t add_unknown(std::string_view text, size_t begin, size_t at);
  void add_piece(std::string_view text, size_t begin, size_t end);
  void put_piece(std::string_view text, size_t begin, size_t end);
  // A piece that begins at `begin` of the segment that ends at `end`: where it is letters, and by the pattern of Qwen
  // one more character before them, it is cut at its seams while it is read. Returns its end, or 0 where it is another
  // one.
  size_t add_letters(std::string_view text, size_t begin, size_t end);
  // More letters, from `at` on; `left` stands before them.
  size_t add_more_letters(std::string_view text, size_t begin, size_t at, size_t end, CodePoint left);
  size_t add_symbols(std::string_view text, size_t begin, size_t end, CodePoint left);
  bool skip_han(std::string_view text, size_t end, size_t* begin, size_t* at, CodePoint* left);
  void add_at_seams(std::string_view text, size_t begin, size_t end);
  // Between two neighbours, the second at text[at].
  bool is_seam(CodePoint left, std::string_view text, size_t at, CodePoint right) const {
    const bool may_be = (left.value | right.value) >= 0x80 && !left.is_stray() && !right.is_stray();
    return may_be && seams_.between(left.value, text.data() + at, right.value);
  }
  void cut_at_seam(CodePoint left, std::string_view text, size_t at, CodePoint right, size_t* begin) {
    if (!is_seam(left, text, at, right)) return;
    add_piece(text, *begin, at);
    *begin = at;
  }
  void answer();
  void look_up(size_t end);  // the pending pieces before
  void answer_new();
  void emit(size_t from, size_t to);  // pending pieces, from their entries
  void add_special(const New& piece);
  void answer_long(std::string_view piece);
  void add(std::span<const TokenId> ids);
  void flush();

  const MergeTable& merges_;
  const Seams& seams_;
  const WordTable& words_;
  const size_t least_of_unknown_;  // tokens of a piece that words_ does not have
  const PieceWindowFn window_;
  WordCache& cache_;
  std::vector<TokenId>& ids_;
  std::vector<TokenId> merged_;  // of one piece

  // Pieces wait until so many are there: by then what the cache has of the first ones has come from memory. As many as
  // leave room in the first-level cache for all that is here.
  static constexpr size_t kBatch = 256;
  std::array<Pending, kBatch> pending_;  // [pending_count_]
  size_t pending_count_ = 0;
  // So many at a time are looked up while others are read, so that what is known of new ones comes from memory too.
  static constexpr size_t kLookUps = 48;
  size_t looked_up_ = 0;
  std::array<New, kBatch> new_;                       // [new_count_] in the order of the text
  std::array<WordCache::Entry, kBatch> new_entries_;  // [new_count_]
  size_t new_count_ = 0;
  std::array<New, kBatch> specials_;  // [special_count_] of new_: no entry has room for their ids
  size_t special_count_ = 0;
  std::array<size_t, kBatch> unknown_;  // of new_, those that are no token
  std::array<std::string_view, kBatch> unknown_pieces_;
  std::array<TokenId, kBatch * MergeTable::kWord> new_ids_;  // of each of them kWord slots
  std::array<uint8_t, kBatch> unknown_counts_;               // of its slots those in use

  std::array<TokenId, kBatch * WordCache::kMaxIds> buffer_;  // [count_] before they go to ids_
  size_t count_ = 0;
};

}  // namespace studio::engine
