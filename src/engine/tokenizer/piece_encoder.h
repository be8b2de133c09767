// Text to ids: cut into pieces, pieces at their seams, and what is met again answered from a cache of words.
//
// The ids are those of merging every piece of splitter.h by itself; plain_tokenizer.h does it so and is what the tests
// compare with. One per encoding, not thread-safe.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "engine/tokenizer/bpe.h"
#include "engine/tokenizer/seams.h"
#include "engine/tokenizer/splitter.h"
#include "engine/tokenizer/word_cache.h"

namespace studio::engine {

class PieceEncoder {
 public:
  // All outlive the encoder. Ids are appended to `ids`; all are there once encode() has returned.
  PieceEncoder(const MergeTable& merges, const Seams& seams, WordCache& cache, std::vector<TokenId>& ids)
      : merges_(merges), seams_(seams), cache_(cache), ids_(ids) {}

  // Text in the vocabulary's normal form.
  void encode(SplitPattern pattern, std::string_view text);

 private:
  // A piece that is to be answered: its key, or where it is longer than a key its size and no length.
  struct Pending {
    const char* at;
    WordKey key;
  };

  template <SplitPattern pattern>
  void encode_by(std::string_view text);
  void add_piece(std::string_view text, size_t begin, size_t end);
  void add_at_seams(std::string_view text, size_t begin, size_t end);
  void answer();
  void answer_long(std::string_view piece);
  void merge(std::string_view piece);      // of at most WordCache::LongEntry::kMaxBytes
  void add(std::span<const TokenId> ids);  // of one such piece
  void flush();

  const MergeTable& merges_;
  const Seams& seams_;
  WordCache& cache_;
  std::vector<TokenId>& ids_;
  std::vector<TokenId> merged_;  // of one piece

  // Pieces wait until so many are there: by then what the cache has of the first ones has come from memory.
  static constexpr size_t kBatch = 64;
  std::array<Pending, kBatch> pending_;  // [pending_count_]
  size_t pending_count_ = 0;

  static constexpr size_t kBuffered = 1020;  // ids; with the rest of an entry 4 KiB, at home in the first-level cache
  std::array<TokenId, kBuffered + WordCache::kMaxIds> buffer_;  // [count_] before they go to ids_
  size_t count_ = 0;
};

}  // namespace studio::engine
