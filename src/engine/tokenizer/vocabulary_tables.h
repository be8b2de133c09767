// All that a tokenizer looks things up in, as one block of memory that is a file as well
// (docs/formats/vocabulary_tables.md).
//
// vocabulary_builder.h fills a block; one that was read from a file is foreign bytes, and parse() proves every length,
// index and end in it before anyone looks. It is the tokenizer's own copy, never a mapping: what was proved stays true,
// and a file cut short meanwhile raises no signal. Immutable once finished or parsed: any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "base/digest.h"
#include "base/result.h"
#include "base/table_memory.h"
#include "engine/tensor/token.h"
#include "engine/tokenizer/bpe.h"
#include "engine/tokenizer/seams.h"
#include "engine/tokenizer/word_table.h"

namespace studio::engine {

// The bytes of all tokens, one after the other, and where those of each end.
struct TokenBytes {
  std::span<const uint8_t> bytes;
  std::span<const uint32_t> ends;  // [V]

  std::string_view of(size_t id) const {
    const size_t begin = id == 0 ? 0 : ends[id - 1];
    return {reinterpret_cast<const char*>(bytes.data()) + begin, ends[id] - begin};
  }
};

// Of a token, as the file has it.
inline constexpr uint8_t kAddedToken = 1, kSpecialToken = 2;  // kinds: 0 plain, 1 added, 3 added and special

class VocabularyTables {
 public:
  struct Sizes {
    uint64_t tokens = 0, added = 0, merges = 0;
    uint64_t bytes = 0;  // of all tokens; while they are filled, at most so many
  };
  // What the builder fills: all of it.
  struct Parts {
    MutableMergeTables merges;
    std::span<uint64_t> seam_pairs, seam_bytes;
    std::span<WordBucket> words;
    std::span<uint32_t> ends;
    std::span<uint8_t> kinds, bytes;
    std::span<TokenId> added;  // longest first
  };
  static constexpr uint64_t kMaxTokens = 2u << 20;   // seven times the largest vocabulary there is
  static constexpr uint64_t kMaxBytes = 256u << 20;  // of a block: real ones have under 10 MB

  VocabularyTables() = default;
  // corrupt_data, unimplemented: a vocabulary of more tokens or merges than a slot can name, or over kMaxBytes.
  static Result<VocabularyTables> make(const Sizes& sizes);
  // corrupt_data, saying what is wrong, unless they are whole, of this version and of the vocabulary with this digest.
  static Result<VocabularyTables> parse(TableMemory block, const Sha256Digest& vocabulary);

  Parts parts();
  // Once the parts are filled, `bytes` of the tokens' room with text; `vocabulary` is what the block will be known by.
  // Nothing is to be looked up before.
  void finish(uint64_t bytes, const Sha256Digest& vocabulary);
  // Writes the checksum that parse() compares with.
  static void seal(std::span<uint8_t> block);

  std::span<const uint8_t> block() const { return memory_.bytes(); }
  size_t token_count() const { return kinds_.size(); }
  size_t merge_count() const { return sizes_.merges; }
  std::string_view token_bytes(size_t id) const { return tokens_.of(id); }
  uint8_t kind(size_t id) const { return kinds_[id]; }
  std::span<const TokenId> added() const { return added_; }
  const MergeTable& merges() const { return merges_; }
  const Seams& seams() const { return seams_; }
  const WordTable& words() const { return words_; }
  // words() has every piece of up to WordKey::kMaxBytes bytes that merging makes one token of.
  bool has_all_words() const { return has_all_words_; }

 private:
  VocabularyTables(TableMemory memory, const Sizes& sizes) : memory_(std::move(memory)), sizes_(sizes) {}
  // The views of a block whose sizes are proved.
  void look();
  Status prove() const;

  TableMemory memory_;
  Sizes sizes_;
  std::span<const uint8_t> kinds_;
  std::span<const TokenId> added_;
  TokenBytes tokens_;
  MergeTable merges_;
  Seams seams_;
  WordTable words_;
  bool has_all_words_ = false;
};

}  // namespace studio::engine
