// Tokens by their bytes: those of up to 15 bytes that merging makes of their own bytes, as nearly all words are. A
// piece that is one of them needs no merging. A view of buckets that a WordFiller filled (vocabulary_tables.h owns
// them): any thread.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "engine/tensor/token.h"
#include "engine/tokenizer/word_cache.h"

namespace studio::engine {

// One line of the cache, so that a word costs one miss. It reaches disk.
struct alignas(64) WordBucket {
  static constexpr size_t kWords = 3;

  std::array<WordKey, kWords> keys;
  std::array<TokenId, kWords> ids;  // -1: empty, as are those behind it
  uint32_t zero;

  bool is_full() const { return ids[kWords - 1] >= 0; }
};
static_assert(sizeof(WordBucket) == 64);

class WordTable {
 public:
  WordTable() = default;
  // A power of two of them, and some is not full.
  explicit WordTable(std::span<const WordBucket> buckets)
      : buckets_(buckets), shift_(64 - std::countr_zero(buckets.size())) {}

  // At most four fifths full.
  static size_t count_for(size_t words) {
    return std::bit_ceil(std::max<size_t>(16, words * 5 / (4 * WordBucket::kWords) + 1));
  }

  void prefetch(const WordKey& key) const { __builtin_prefetch(&buckets_[first(key)]); }
  // -1 where no token is known to be the piece.
  TokenId find(const WordKey& key) const {
    for (size_t at = first(key);; at = (at + 1) & (buckets_.size() - 1)) {
      const WordBucket& bucket = buckets_[at];
      for (size_t i = 0; i < WordBucket::kWords; ++i) {
        if (bucket.keys[i] == key && bucket.ids[i] >= 0) return bucket.ids[i];
      }
      if (!bucket.is_full()) return -1;
    }
  }

 private:
  friend class WordFiller;
  size_t first(const WordKey& key) const { return static_cast<size_t>(key.hash() >> shift_); }

  std::span<const WordBucket> buckets_;
  int shift_ = 0;  // 64 - log2 of their number
};

class WordFiller {
 public:
  // Empties the buckets, which are count_for() the words.
  explicit WordFiller(std::span<WordBucket> buckets) : buckets_(buckets), table_(buckets) {
    std::fill(buckets_.begin(), buckets_.end(), WordBucket{.keys = {}, .ids = {-1, -1, -1}, .zero = 0});
  }
  // No two of the same key.
  void add(const WordKey& key, TokenId id) {
    size_t at = table_.first(key);
    while (buckets_[at].is_full()) at = (at + 1) & (buckets_.size() - 1);
    WordBucket& bucket = buckets_[at];
    const auto free = static_cast<size_t>(std::find(bucket.ids.begin(), bucket.ids.end(), -1) - bucket.ids.begin());
    bucket.keys[free] = key;
    bucket.ids[free] = id;
  }

 private:
  std::span<WordBucket> buckets_;
  WordTable table_;
};

}  // namespace studio::engine
