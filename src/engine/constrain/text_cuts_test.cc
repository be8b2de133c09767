#include "engine/constrain/text_cuts.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace studio::engine::constrain {
namespace {

// A token for each byte, counted.
struct Bytes {
  int asked = 0;
  TextCuts cuts{[this](std::string_view text) {
    ++asked;
    return std::vector<TokenId>(text.begin(), text.end());
  }};
};

TEST(TextCuts, AShortTextIsCutOnce) {
  Bytes bytes;
  for (int i = 0; i < 3; ++i) {
    const TextCuts::Cut cut = bytes.cuts.cut("\": ");
    EXPECT_EQ(std::vector<TokenId>(cut.tokens().begin(), cut.tokens().end()), (std::vector<TokenId>{'"', ':', ' '}));
  }
  EXPECT_EQ(bytes.asked, 1);
}

TEST(TextCuts, OfALongCutTheFirstAreTold) {
  Bytes bytes;
  EXPECT_EQ(bytes.cuts.cut(std::string(100, 'a')).count, TextCuts::kMostTokens);
  EXPECT_EQ(bytes.cuts.cut(std::string(100, 'a')).count, TextCuts::kMostTokens);
  EXPECT_EQ(bytes.asked, 2) << "it is not kept";
}

TEST(TextCuts, TextsThatShareAPlaceAreToldApart) {
  Bytes bytes;
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = std::to_string(random() % 5000);
    const TextCuts::Cut cut = bytes.cuts.cut(text);
    ASSERT_EQ(std::string(cut.tokens().begin(), cut.tokens().end()), text);
  }
}

TEST(TextCuts, WithoutATokenizerThereIsNoGuess) {
  TextCuts none(nullptr);
  EXPECT_EQ(none.cut("{").count, 0u);
  Bytes bytes;
  EXPECT_EQ(bytes.cuts.cut("").count, 0u);
  EXPECT_EQ(bytes.asked, 0);
}

}  // namespace
}  // namespace studio::engine::constrain
