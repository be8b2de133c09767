#include "engine/tokenizer/vocabulary_builder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "engine/tokenizer/side_by_side.h"
#include "engine/tokenizer/token_table.h"
#include "engine/tokenizer/unicode_classes.h"

namespace studio::engine {
namespace {

constexpr size_t kWorthAThread = 16'384;  // tokens; below it takes under a millisecond

// GPT-2 writes each byte as a printable character: itself where it is printable, U+0100 and on for the others.
struct ByteAlphabet {
  std::array<int, 0x144> byte_of;  // -1: no byte
  ByteAlphabet() {
    byte_of.fill(-1);
    int other = 0x100;
    for (int b = 0; b < 256; ++b) {
      const bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      byte_of[static_cast<size_t>(printable ? b : other++)] = b;
    }
  }
};

// Writes the bytes that a token stands for to `out`, at most one for each of the token's; returns the end. nullptr
// where a character is not of the alphabet.
char* to_bytes(std::string_view token, char* out) {
  static const ByteAlphabet alphabet;
  for (size_t at = 0; at < token.size();) {
    const CodePoint point = decode_utf8(token, at);
    if (point.value >= alphabet.byte_of.size() || alphabet.byte_of[point.value] < 0) return nullptr;
    *out++ = static_cast<char>(alphabet.byte_of[point.value]);
    at += static_cast<size_t>(point.bytes);
  }
  return out;
}

Error bad(const std::string& text) {
  return Error(Code::kCorruptData, "the vocabulary is broken: " + text);
}

// The added tokens, by id.
Result<std::vector<const AddedToken*>> added_by_id(const TokenizerData& data) {
  std::vector<const AddedToken*> added;
  for (const AddedToken& token : data.added) {
    if (token.id < 0 || token.content.empty()) return bad("an added token has no id or no content");
    added.push_back(&token);
  }
  std::sort(added.begin(), added.end(), [](const auto* a, const auto* b) { return a->id < b->id; });
  const auto twice =
      std::adjacent_find(added.begin(), added.end(), [](const auto* a, const auto* b) { return a->id == b->id; });
  if (twice != added.end()) return bad("added token " + std::to_string((*twice)->id) + " is there twice");
  return added;
}

VocabularyTables::Sizes sizes_of(const TokenizerData& data, std::span<const AddedToken* const> added) {
  VocabularyTables::Sizes sizes;
  sizes.tokens = data.tokens.size();
  if (!added.empty()) sizes.tokens = std::max(sizes.tokens, static_cast<uint64_t>(added.back()->id) + 1);
  sizes.added = added.size();
  sizes.merges = data.merges.size();
  for (const AddedToken* token : added) sizes.bytes += token->content.size();
  for (const std::string_view token : data.tokens) sizes.bytes += token.size();
  return sizes;
}

class Builder {
 public:
  Builder(const TokenizerData& data, std::span<const AddedToken* const> added, const VocabularyTables::Parts& parts)
      : data_(data),
        added_(added),
        parts_(parts),
        merges_(parts.merges),
        seams_(parts.seam_pairs, parts.seam_bytes),
        words_(parts.words) {}

  // The bytes of the tokens.
  Result<uint64_t> run() {
    mark_added();
    Status tokens = Ok(), merges = Ok();
    const bool is_large = data_.tokens.size() >= kWorthAThread;
    side_by_side([&] { tokens = add_tokens(); }, [&] { merges = add_merges(); }, is_large);
    STUDIO_CHECK_OK(tokens);
    STUDIO_CHECK_OK(merges);
    merges_.fill(token_merges_, parts_.kinds.size());
    add_words(is_large);
    return parts_.ends.empty() ? 0 : parts_.ends.back();
  }

 private:
  void mark_added() {
    std::fill(parts_.kinds.begin(), parts_.kinds.end(), 0);
    for (const AddedToken* token : added_) {
      parts_.kinds[static_cast<size_t>(token->id)] =
          static_cast<uint8_t>(kAddedToken | (token->special ? kSpecialToken : 0));
    }
    std::vector<const AddedToken*> longest_first(added_.begin(), added_.end());
    std::sort(longest_first.begin(), longest_first.end(), [](const auto* a, const auto* b) {
      return a->content.size() != b->content.size() ? a->content.size() > b->content.size() : a->id < b->id;
    });
    std::transform(longest_first.begin(), longest_first.end(), parts_.added.begin(),
                   [](const auto* token) { return token->id; });
  }
  Status add_tokens();
  Status add_merges();
  void add_words(bool is_large);

  bool is_plain(size_t id) const { return id < data_.tokens.size() && parts_.kinds[id] == 0; }
  // Where merging makes of the token's bytes the token itself, the words' table answers for them.
  void mark_words(size_t begin, size_t end, std::vector<uint8_t>& is_word) const;

  const TokenizerData& data_;
  std::span<const AddedToken* const> added_;  // by id
  const VocabularyTables::Parts& parts_;
  MergeFiller merges_;
  SeamFiller seams_;
  WordFiller words_;
  std::vector<TokenMerge> token_merges_;  // by rank
};

// What each token stands for, the tokens of single bytes, and the seams. Beside add_merges(): it writes nothing that
// the other one touches.
Status Builder::add_tokens() {
  std::array<bool, 256> have{};
  bool has_raw = false;
  char* const start = reinterpret_cast<char*>(parts_.bytes.data());
  char* out = start;
  auto next_added = added_.begin();
  for (size_t id = 0; id < parts_.ends.size(); ++id) {
    char* const begin = out;
    if (parts_.kinds[id] != 0) {
      out = std::copy((*next_added)->content.begin(), (*next_added)->content.end(), out);
      ++next_added;
    } else if (id < data_.tokens.size()) {
      const std::string_view token = data_.tokens[id];
      out = to_bytes(token, begin);
      // Padding of the vocabulary may be any text; it stands for itself and no merge leads to it.
      if (out == nullptr) {
        out = std::copy(token.begin(), token.end(), begin);
        has_raw = true;
      }
      const std::string_view bytes(begin, static_cast<size_t>(out - begin));
      seams_.add_token(bytes);
      if (bytes.size() == 1 && !have[static_cast<uint8_t>(bytes[0])]) {
        merges_.set_byte(static_cast<uint8_t>(bytes[0]), static_cast<TokenId>(id));
        have[static_cast<uint8_t>(bytes[0])] = true;
      }
    }
    parts_.ends[id] = static_cast<uint32_t>(out - start);
  }
  // A merge of tokens that stand for other bytes than their text says would lie across places that nobody knows of.
  if (has_raw) seams_.close_all();
  // SmolLM2 lacks some control characters; a vocabulary without printable bytes is no byte-level one.
  for (size_t b = 0; b < 256; ++b) {
    if (have[b]) continue;
    if (b >= 0x20 && b < 0x7F) return bad("no token stands for byte " + std::to_string(b));
    seams_.add_missing_byte(static_cast<uint8_t>(b));
  }
  return Ok();
}

// The ids of the merges. A block at a time, so that the places in memory that it needs are fetched together.
Status Builder::add_merges() {
  constexpr size_t kBlock = 32;
  struct Part {
    std::string_view text;
    uint64_t key = 0;
    TokenId id = -1;
  };
  TokenTable table(data_.tokens);
  std::array<uint64_t, kBlock> keys;
  for (size_t begin = 0; begin < data_.tokens.size(); begin += kBlock) {
    const size_t end = std::min(begin + kBlock, data_.tokens.size());
    for (size_t id = begin; id < end; ++id) table.prefetch(keys[id - begin] = TokenTable::key_of(data_.tokens[id]));
    for (size_t id = begin; id < end; ++id) {
      if (parts_.kinds[id] == 0) table.add(static_cast<TokenId>(id), keys[id - begin]);
    }
  }
  token_merges_.reserve(data_.merges.size());
  std::array<Part, kBlock> lefts, rights;
  std::array<TokenId, kBlock> merged;
  std::string joined;
  size_t guess = 0;  // the token after the last one that a merge made: most often this one makes it
  for (size_t begin = 0; begin < data_.merges.size(); begin += kBlock) {
    const size_t count = std::min(kBlock, data_.merges.size() - begin);
    for (size_t i = 0; i < count; ++i) {
      const std::string_view merge = data_.merges[begin + i];
      const size_t space = merge.find(' ');
      if (space == std::string_view::npos) return bad("a merge has no space");
      for (Part* part : {&lefts[i], &rights[i]}) {
        part->text = part == &lefts[i] ? merge.substr(0, space) : merge.substr(space + 1);
        part->key = TokenTable::key_of(part->text);
        table.prefetch(part->key);
      }
    }
    for (size_t i = 0; i < count; ++i) {
      Part &left = lefts[i], &right = rights[i];
      left.id = table.find(left.text, left.key);
      right.id = table.find(right.text, right.key);
      const std::string_view guessed = guess < data_.tokens.size() ? data_.tokens[guess] : std::string_view();
      if (!table.has_twins() && guessed.size() == left.text.size() + right.text.size() && !guessed.empty() &&
          parts_.kinds[guess] == 0 && guessed.starts_with(left.text) && guessed.ends_with(right.text)) {
        merged[i] = static_cast<TokenId>(guess);
      } else {
        merged[i] = table.find(joined.assign(left.text).append(right.text));
      }
      if (left.id < 0 || right.id < 0 || merged[i] < 0) return bad("a merge names a token that is not there");
      guess = static_cast<size_t>(merged[i]) + 1;
    }
    for (size_t i = 0; i < count; ++i) token_merges_.push_back({lefts[i].id, rights[i].id, merged[i]});
  }
  return Ok();
}

void Builder::mark_words(size_t begin, size_t end, std::vector<uint8_t>& is_word) const {
  const MergeTable merges(
      {.ids = parts_.merges.ids, .byte_pairs = parts_.merges.byte_pairs, .lines = parts_.merges.lines});
  const TokenBytes tokens = {.bytes = parts_.bytes, .ends = parts_.ends};
  constexpr size_t kBlock = 64;
  std::array<std::string_view, kBlock> pieces;
  std::array<TokenId, kBlock> ids;
  std::array<TokenId, kBlock * MergeTable::kWord> merged;
  std::array<uint8_t, kBlock> counts;
  size_t count = 0;
  const auto mark = [&] {
    merges.encode_together<MergeTable::kWord>(std::span(pieces).first(count), merged, counts);
    for (size_t i = 0; i < count; ++i) {
      is_word[static_cast<size_t>(ids[i])] = counts[i] == 1 && merged[i * MergeTable::kWord] == ids[i];
    }
    count = 0;
  };
  for (size_t id = begin; id < end; ++id) {
    const std::string_view bytes = tokens.of(id);
    if (!is_plain(id) || bytes.empty() || bytes.size() > WordKey::kMaxBytes) continue;
    pieces[count] = bytes;
    ids[count++] = static_cast<TokenId>(id);
    if (count == kBlock) mark();
  }
  mark();
}

void Builder::add_words(bool is_large) {
  const size_t vocab = parts_.ends.size(), half = vocab / 2;
  std::vector<uint8_t> is_word(vocab, 0);
  side_by_side([&] { mark_words(0, half, is_word); }, [&] { mark_words(half, vocab, is_word); }, is_large);
  const TokenBytes tokens = {.bytes = parts_.bytes, .ends = parts_.ends};
  for (size_t id = 0; id < vocab; ++id) {
    if (is_word[id] != 0) words_.add(WordKey::of(tokens.of(id)), static_cast<TokenId>(id));
  }
}

}  // namespace

Result<VocabularyTables> build_tables(const TokenizerData& data, const Sha256Digest& digest) {
  STUDIO_TRY(const auto added, added_by_id(data));
  STUDIO_TRY(auto tables, VocabularyTables::make(sizes_of(data, added)));
  const VocabularyTables::Parts parts = tables.parts();
  STUDIO_TRY(const uint64_t bytes, Builder(data, added, parts).run());
  tables.finish(bytes, digest);
  return tables;
}

}  // namespace studio::engine
