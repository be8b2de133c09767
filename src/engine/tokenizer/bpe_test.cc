#include "engine/tokenizer/bpe.h"

#include <gtest/gtest.h>

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
  void add(TokenId left, TokenId right, TokenId merged) {
    merges_.emplace(std::pair(left, right), std::pair(static_cast<int>(count_++), merged));
  }
  std::vector<TokenId> encode(std::string_view piece) const {
    std::vector<TokenId> symbols;
    for (char c : piece) symbols.push_back(c - 'a');
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
    PlainMerges plain;
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

TEST(MergeTable, LeavesOutBytesWithoutAToken) {
  const OwnMerges merges(1, {}, 1);
  std::vector<TokenId> ids;
  merges.table().encode("a?a", ids);
  EXPECT_EQ(ids, (std::vector<TokenId>{0, 0}));
}

}  // namespace
}  // namespace studio::engine
