#include "engine/tokenizer/vocabulary_tables.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

namespace studio::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "the block is little-endian, and used as it lies");

constexpr std::string_view kMagic = "STUDIOVT";
constexpr uint32_t kVersion = 2;  // another one with every change of a part, a hash or a rule of filling
constexpr size_t kLine = 64;      // parts begin at its multiples

// The first bytes of a block.
struct Head {
  char magic[8];
  uint32_t version;
  uint32_t zero;
  uint64_t block_bytes;
  uint64_t checksum;  // of all the rest
  uint8_t vocabulary[32];
  uint64_t tokens, added, merges, bytes;
  uint8_t zeros[32];
};
static_assert(sizeof(Head) == 128);
constexpr size_t kChecksumAt = offsetof(Head, checksum), kAfterChecksum = kChecksumAt + sizeof(uint64_t);

Error bad(const std::string& text) {
  return Error(Code::kCorruptData, "vocabulary tables: " + text);
}

// Where each part begins, and where the last one ends.
struct Layout {
  size_t ids, byte_pairs, seam_bytes, seam_pairs, han, merge_lines, words, ends, kinds, added, bytes, end;

  explicit Layout(const VocabularyTables::Sizes& sizes) {
    size_t at = sizeof(Head);
    const auto place = [&at](size_t count, size_t element) {
      const size_t begin = at;
      at = (at + count * element + kLine - 1) / kLine * kLine;
      return begin;
    };
    byte_pairs = place(256 * 256, sizeof(MergeCode));
    seam_bytes = place(seam_bits::kByteWords, sizeof(uint64_t));
    seam_pairs = place(seam_bits::kPairWords, sizeof(uint64_t));
    han = place(kHanCount, sizeof(Symbol));
    merge_lines = place(MergeTable::lines_for(sizes.merges), sizeof(MergeLine));
    words = place(WordTable::count_for(sizes.tokens), sizeof(WordBucket));
    ids = place(256 + sizes.merges, sizeof(TokenId));
    ends = place(sizes.tokens, sizeof(uint32_t));
    kinds = place(sizes.tokens, sizeof(uint8_t));
    added = place(sizes.added, sizeof(TokenId));
    bytes = place(sizes.bytes, 1);
    end = at;
  }
};

bool fits(const VocabularyTables::Sizes& sizes) {
  return sizes.tokens <= VocabularyTables::kMaxTokens && sizes.added <= sizes.tokens && sizes.merges <= kMaxMerges &&
         sizes.bytes <= VocabularyTables::kMaxBytes && Layout(sizes).end <= VocabularyTables::kMaxBytes;
}

template <typename T>
std::span<T> part(std::span<uint8_t> block, size_t at, size_t count) {
  return {reinterpret_cast<T*>(block.data() + at), count};
}
template <typename T>
std::span<const T> part(std::span<const uint8_t> block, size_t at, size_t count) {
  return {reinterpret_cast<const T*>(block.data() + at), count};
}

// Four lanes, each changed by every bit that it takes: a changed word always changes the sum. Against accidents; who
// may write here needs none.
uint64_t checksum_of(std::span<const uint8_t> block) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15u;
  std::array<uint64_t, 4> lanes = {1, 2, 3, 4};
  const auto take = [&](size_t lane, const uint8_t* from) {
    uint64_t word;
    std::memcpy(&word, from, sizeof word);
    lanes[lane] = std::rotl((lanes[lane] ^ word) * kMultiplier, 29);
  };
  for (size_t at = 0; at < kChecksumAt; at += sizeof(uint64_t)) take(0, block.data() + at);
  for (size_t at = kAfterChecksum; at < sizeof(Head); at += sizeof(uint64_t)) take(1, block.data() + at);
  // All parts are whole lines.
  for (size_t at = sizeof(Head); at + kLine / 2 <= block.size(); at += kLine / 2) {
    for (size_t lane = 0; lane < lanes.size(); ++lane) take(lane, block.data() + at + lane * sizeof(uint64_t));
  }
  uint64_t sum = block.size();
  for (const uint64_t lane : lanes) sum = std::rotl((sum ^ lane) * kMultiplier, 29);
  return sum;
}

}  // namespace

Result<VocabularyTables> VocabularyTables::make(const Sizes& sizes) {
  if (!fits(sizes)) {
    return Error(Code::kUnimplemented, "a vocabulary of " + std::to_string(sizes.tokens) + " tokens and " +
                                           std::to_string(sizes.merges) + " merges is larger than those supported");
  }
  return VocabularyTables(TableMemory(Layout(sizes).end), sizes);
}

VocabularyTables::Parts VocabularyTables::parts() {
  const Layout layout(sizes_);
  const std::span<uint8_t> block = memory_.bytes();
  return {.merges = {.ids = part<TokenId>(block, layout.ids, 256 + sizes_.merges),
                     .byte_pairs = part<MergeCode>(block, layout.byte_pairs, 256 * 256),
                     .lines = part<MergeLine>(block, layout.merge_lines, MergeTable::lines_for(sizes_.merges)),
                     .han = part<Symbol>(block, layout.han, kHanCount)},
          .seam_pairs = part<uint64_t>(block, layout.seam_pairs, seam_bits::kPairWords),
          .seam_bytes = part<uint64_t>(block, layout.seam_bytes, seam_bits::kByteWords),
          .words = part<WordBucket>(block, layout.words, WordTable::count_for(sizes_.tokens)),
          .ends = part<uint32_t>(block, layout.ends, sizes_.tokens),
          .kinds = part<uint8_t>(block, layout.kinds, sizes_.tokens),
          .bytes = part<uint8_t>(block, layout.bytes, sizes_.bytes),
          .added = part<TokenId>(block, layout.added, sizes_.added)};
}

void VocabularyTables::look() {
  const Layout layout(sizes_);
  const std::span<const uint8_t> block = std::as_const(memory_).bytes();
  kinds_ = part<uint8_t>(block, layout.kinds, sizes_.tokens);
  added_ = part<TokenId>(block, layout.added, sizes_.added);
  tokens_ = {.bytes = part<uint8_t>(block, layout.bytes, sizes_.bytes),
             .ends = part<uint32_t>(block, layout.ends, sizes_.tokens)};
  seams_ = Seams(part<uint64_t>(block, layout.seam_pairs, seam_bits::kPairWords),
                 part<uint64_t>(block, layout.seam_bytes, seam_bits::kByteWords));
  merges_ = MergeTable({.ids = part<TokenId>(block, layout.ids, 256 + sizes_.merges),
                        .byte_pairs = part<MergeCode>(block, layout.byte_pairs, 256 * 256),
                        .lines = part<MergeLine>(block, layout.merge_lines, MergeTable::lines_for(sizes_.merges)),
                        .han = part<Symbol>(block, layout.han, kHanCount)},
                       seams_);
  words_ = WordTable(part<WordBucket>(block, layout.words, WordTable::count_for(sizes_.tokens)));

  // Of all plain tokens those are there that merging makes of the bytes that they stand for, and it makes no added one.
  // Where the seams are closed a token may stand for other bytes than it is made of.
  has_all_words_ = !merges_.lacks_bytes() && !seams_.is_closed();
}

void VocabularyTables::finish(uint64_t bytes, const Sha256Digest& vocabulary) {
  sizes_.bytes = bytes;
  const Layout layout(sizes_);
  memory_.shrink(layout.end);
  std::span<uint8_t> block = memory_.bytes();
  // What lies between the parts.
  const auto clear = [&](size_t begin, size_t end) {
    std::fill(block.begin() + static_cast<std::ptrdiff_t>(begin), block.begin() + static_cast<std::ptrdiff_t>(end), 0);
  };
  clear(layout.ids + (256 + sizes_.merges) * sizeof(TokenId), layout.ends);
  clear(layout.ends + sizes_.tokens * sizeof(uint32_t), layout.kinds);
  clear(layout.kinds + sizes_.tokens, layout.added);
  clear(layout.added + sizes_.added * sizeof(TokenId), layout.bytes);
  clear(layout.bytes + sizes_.bytes, layout.end);

  Head head{};
  std::copy(kMagic.begin(), kMagic.end(), head.magic);
  head.version = kVersion;
  head.block_bytes = layout.end;
  std::copy(vocabulary.begin(), vocabulary.end(), head.vocabulary);
  head.tokens = sizes_.tokens;
  head.added = sizes_.added;
  head.merges = sizes_.merges;
  head.bytes = sizes_.bytes;
  std::memcpy(block.data(), &head, sizeof head);
  seal(block);
  look();
}

void VocabularyTables::seal(std::span<uint8_t> block) {
  const uint64_t sum = checksum_of(block);
  std::memcpy(block.data() + kChecksumAt, &sum, sizeof sum);
}

Result<VocabularyTables> VocabularyTables::parse(TableMemory memory, const Sha256Digest& vocabulary) {
  const std::span<const uint8_t> block = std::as_const(memory).bytes();
  Head head;
  if (block.size() < sizeof head) return bad("the block ends inside its head");
  std::memcpy(&head, block.data(), sizeof head);
  if (std::string_view(head.magic, sizeof head.magic) != kMagic) return bad("the block is something else");
  if (head.version != kVersion) return bad("version " + std::to_string(head.version) + " is not read");
  if (!std::equal(vocabulary.begin(), vocabulary.end(), head.vocabulary)) return bad("they are of another vocabulary");
  const Sizes sizes = {.tokens = head.tokens, .added = head.added, .merges = head.merges, .bytes = head.bytes};
  if (!fits(sizes) || head.block_bytes != block.size() || Layout(sizes).end != block.size()) {
    return bad("the block has another length than its parts");
  }
  if (checksum_of(block) != head.checksum) return bad("the block does not match its checksum");
  VocabularyTables tables(std::move(memory), sizes);
  tables.look();
  STUDIO_CHECK_OK(tables.prove());
  return tables;
}

// What the views rely on: after this no look leaves the block, and every search ends.
Status VocabularyTables::prove() const {
  const Layout layout(sizes_);
  const std::span<const uint8_t> block = memory_.bytes();
  const auto is_token = [&](TokenId id) { return id >= 0 && static_cast<uint64_t>(id) < sizes_.tokens; };
  const auto ids = part<TokenId>(block, layout.ids, 256 + sizes_.merges);
  for (size_t symbol = 0; symbol < ids.size(); ++symbol) {
    const TokenId id = ids[symbol];
    if (is_token(id) || (id == -1 && symbol < 256)) continue;
    const auto other = static_cast<Symbol>(alias_of(static_cast<Symbol>(id)));
    if (symbol < 256 || id >= 0 || other >= ids.size() || !is_token(ids[other])) return bad("a symbol has no token");
  }
  // An odd code is of a symbol that is an alias.
  const auto code_fits = [&](MergeCode code) {
    return code / 2 < sizes_.merges && (code % 2 == 0 || ids[256 + code / 2] < -1);
  };
  bool han_fits = true;
  for (const Symbol symbol : part<Symbol>(block, layout.han, kHanCount)) han_fits &= symbol < ids.size();
  if (!han_fits) return bad("a character is out of range");
  const auto pairs = part<MergeCode>(block, layout.byte_pairs, 256 * 256);
  bool codes_fit =
      std::all_of(pairs.begin(), pairs.end(), [&](MergeCode code) { return code == kNoMerge || code_fits(code); });
  size_t lines_that_end = 0, free_buckets = 0;
  for (const MergeLine& line : part<MergeLine>(block, layout.merge_lines, MergeTable::lines_for(sizes_.merges))) {
    for (size_t i = 0; i < MergeLine::kMerges && codes_fit; ++i) {
      codes_fit = line.tags[i] == 0 || code_fits(static_cast<MergeCode>(line.merges[i]) & kNoMerge);
    }
    lines_that_end += line.is_over == 0;
  }
  if (!codes_fit || lines_that_end == 0) return bad("a merge is out of range");
  bool words_fit = true;
  for (const WordBucket& bucket : part<WordBucket>(block, layout.words, WordTable::count_for(sizes_.tokens))) {
    for (const TokenId id : bucket.ids) words_fit &= (id == -1) | is_token(id);
    free_buckets += !bucket.is_full();
  }
  if (!words_fit || free_buckets == 0) return bad("a word is out of range");

  uint32_t last = 0;
  for (const uint32_t end : tokens_.ends) {
    if (end < last || end > sizes_.bytes) return bad("a token ends before it begins");
    last = end;
  }
  for (const TokenId id : added_) {
    if (!is_token(id) || (kind(static_cast<size_t>(id)) & kAddedToken) == 0 ||
        token_bytes(static_cast<size_t>(id)).empty()) {
      return bad("an added token is none");
    }
  }
  return Ok{};
}

}  // namespace studio::engine
