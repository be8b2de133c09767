#include "engine/tokenizer/bpe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace studio::engine {
namespace {

// The definition: the pair of the lowest rank is merged, the leftmost among equals, until no pair has a rank.
class PlainMerges {
 public:
  explicit PlainMerges(char first) : first_(static_cast<uint8_t>(first)) {}  // the byte of token 0
  void add(TokenId left, TokenId right, TokenId merged) {
    merges_.emplace(std::pair(left, right), std::pair(static_cast<int>(count_++), merged));
  }
  std::vector<TokenId> encode(std::string_view piece) const {
    std::vector<TokenId> symbols;
    for (char c : piece) symbols.push_back(static_cast<TokenId>(static_cast<uint8_t>(c) - first_));
    while (true) {
      size_t best = symbols.size();
      int rank = INT32_MAX;
      for (size_t i = 0; i + 1 < symbols.size(); ++i) {
        auto found = merges_.find({symbols[i], symbols[i + 1]});
        if (found != merges_.end() && found->second.first < rank) rank = found->second.first, best = i;
      }
      if (best == symbols.size()) return symbols;
      symbols[best] = merges_.at({symbols[best], symbols[best + 1]}).second;
      symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    }
  }

 private:
  std::map<std::pair<TokenId, TokenId>, std::pair<int, TokenId>> merges_;
  size_t count_ = 0;
  int first_;
};

// Tables of their own: letters from 'a' on are tokens from 0 on.
class OwnMerges {
 public:
  OwnMerges(TokenId letters, std::span<const TokenMerge> merges, size_t tokens)
      : ids_(256 + merges.size()), byte_pairs_(256 * 256), lines_(MergeTable::lines_for(merges.size())) {
    MergeFiller filler({ids_, byte_pairs_, lines_});
    for (TokenId i = 0; i < letters; ++i) filler.set_byte(static_cast<uint8_t>('a' + i), i);
    filler.fill(merges, tokens);
  }
  MergeTable table() const { return MergeTable({ids_, byte_pairs_, lines_}); }

 private:
  std::vector<TokenId> ids_;
  std::vector<MergeCode> byte_pairs_;
  std::vector<MergeLine> lines_;
};

constexpr TokenId kLetters = 3;
constexpr size_t kMostMerges = 40;

// Random merges of a few letters; unless `makes_new` a merge may make a token that is there already, so that what it
// makes possible may have a lower rank than it.
OwnMerges make(std::mt19937& random, bool makes_new, PlainMerges& plain) {
  std::vector<TokenMerge> all;
  TokenId tokens = kLetters;
  const int merges = 1 + static_cast<int>(random() % kMostMerges);
  for (int i = 0; i < merges; ++i) {
    const auto any = [&] { return static_cast<TokenId>(random() % static_cast<uint32_t>(tokens)); };
    const TokenId left = any(), right = any();
    const TokenId merged = makes_new || random() % 2 == 0 ? tokens++ : any();
    all.push_back({left, right, merged});
    plain.add(left, right, merged);
  }
  return OwnMerges(kLetters, all, static_cast<size_t>(tokens));
}

std::string random_piece(std::mt19937& random) {
  std::string piece(random() % 300, 'a');
  const uint32_t letters = 1 + random() % kLetters;  // of one letter alone, too
  for (char& c : piece) c = static_cast<char>('a' + random() % letters);
  return piece;
}

class MergeOrder : public testing::TestWithParam<bool> {};

TEST_P(MergeOrder, IsThatOfTheDefinitionForPiecesOfAnyLength) {
  std::mt19937 random(GetParam() ? 1 : 2);
  for (int round = 0; round < 200; ++round) {
    PlainMerges plain('a');
    const OwnMerges merges = make(random, GetParam(), plain);
    const MergeTable table = merges.table();
    for (int i = 0; i < 5; ++i) {
      const std::string piece = random_piece(random);
      std::vector<TokenId> ids;
      table.encode(piece, ids);
      ASSERT_EQ(ids, plain.encode(piece)) << "round " << round << ", " << piece;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, MergeOrder, testing::Bool(), [](const auto& info) {
  return info.param ? "each_makes_a_new_token" : "some_make_an_old_one";
});

// Every byte is a token; merges of the bytes of some Chinese in any order, of characters and of parts of them.
class HanMerges {
 public:
  HanMerges(std::mt19937& random, PlainMerges& plain) {
    std::vector<std::string> texts;
    for (int byte = 0; byte < 256; ++byte) texts.emplace_back(1, static_cast<char>(byte));
    std::vector<TokenId> some = {' ', 0xE4, 0xB8, 0x80, 0x81, 0xAD, 0xE5};
    const auto any = [&] { return some[random() % some.size()]; };
    std::vector<TokenMerge> merges;
    const auto find = [&](const std::string& text) {
      return static_cast<TokenId>(std::find(texts.begin(), texts.end(), text) - texts.begin());
    };
    const auto add = [&](TokenId left, TokenId right) {
      const auto at = [&](TokenId id) { return texts[static_cast<size_t>(id)]; };
      const TokenId merged = find(at(left) + at(right));
      if (static_cast<size_t>(merged) == texts.size()) {
        texts.push_back(at(left) + at(right));
        some.push_back(merged);
      }
      merges.push_back({left, right, merged});
      plain.add(left, right, merged);
    };
    // How often another merge comes before those that make characters.
    const uint32_t others = random() % 4;
    for (const char* character : {"\u4E00", "\u4E01", "\u4E2D", "\u5000"}) {
      const std::string bytes = character;
      for (uint32_t i = 0; i < others; ++i) add(any(), any());
      if (random() % 4 == 0) {
        add(find(bytes.substr(1, 1)), find(bytes.substr(2)));
        add(find(bytes.substr(0, 1)), find(bytes.substr(1)));
      } else {
        add(find(bytes.substr(0, 1)), find(bytes.substr(1, 1)));
        add(find(bytes.substr(0, 2)), find(bytes.substr(2)));
      }
    }
    while (merges.size() < 60) add(any(), any());
    ids_.resize(256 + merges.size());
    lines_.resize(MergeTable::lines_for(merges.size()));
    SeamFiller seams(seam_pairs_, seam_bytes_);
    for (const std::string& text : texts) seams.add_token(text);
    MergeFiller filler({.ids = ids_, .byte_pairs = byte_pairs_, .lines = lines_, .han = han_});
    for (int byte = 0; byte < 256; ++byte) filler.set_byte(static_cast<uint8_t>(byte), byte);
    filler.fill(merges, texts.size());
  }
  MergeTable table() const {
    return MergeTable({.ids = ids_, .byte_pairs = byte_pairs_, .lines = lines_, .han = han_},
                      Seams(seam_pairs_, seam_bytes_));
  }
  bool knows(uint32_t character) const { return han_[character - kHanFirst] != 0; }

 private:
  std::vector<TokenId> ids_;
  std::vector<MergeCode> byte_pairs_ = std::vector<MergeCode>(256 * 256);
  std::vector<MergeLine> lines_;
  std::vector<Symbol> han_ = std::vector<Symbol>(kHanCount);
  std::vector<uint64_t> seam_pairs_ = std::vector<uint64_t>(seam_bits::kPairWords),
                        seam_bytes_ = std::vector<uint64_t>(seam_bits::kByteWords);
};

TEST(MergeTable, BeginsWithCharactersWhereTheirBytesMergeFirst) {
  std::mt19937 random(3);
  int known = 0, unknown = 0;
  for (int round = 0; round < 300; ++round) {
    PlainMerges plain('\0');
    const HanMerges merges(random, plain);
    const MergeTable table = merges.table();
    for (const uint32_t character : {0x4E00u, 0x4E01u, 0x4E2Du, 0x5000u}) ++(merges.knows(character) ? known : unknown);
    for (int i = 0; i < 20; ++i) {
      static constexpr const char* kParts[] = {"\u4E00", "\u4E01", "\u4E2D", "\u5000", " ", "\xE4", "\xB8", "\x80"};
      std::string piece;
      while (piece.size() < 14 || (i % 2 == 1 && piece.size() < 45)) {
        piece += kParts[random() % (random() % 3 == 0 ? std::size(kParts) : 4)];
      }
      std::vector<TokenId> ids;
      table.encode(piece, ids);
      ASSERT_EQ(ids, plain.encode(piece)) << "round " << round;
    }
  }
  EXPECT_GT(known, 100);
  EXPECT_GT(unknown, 100);
}

TEST(MergeTable, LeavesOutBytesWithoutAToken) {
  const OwnMerges merges(1, {}, 1);
  std::vector<TokenId> ids;
  merges.table().encode("a?a", ids);
  EXPECT_EQ(ids, (std::vector<TokenId>{0, 0}));
}

}  // namespace
}  // namespace studio::engine
