#include "engine/tokenizer/quick_splitter.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace studio::engine {
namespace {

// Every piece that the quick splitter claims is the plain one's; returns how many it claimed.
template <SplitPattern pattern>
size_t compare(std::string_view text) {
  size_t claimed = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = next_segment(pattern, text, begin);
    for (size_t at = begin; at < end;) {
      const size_t plain = begin + next_piece(pattern, text.substr(begin, end - begin), at - begin);
      const size_t quick = quick_piece<pattern>(text.data(), at, end, text.size());
      if (quick != 0) {
        EXPECT_EQ(quick, plain) << "at " << at << " of " << testing::PrintToString(text);
        ++claimed;
      }
      at = plain;
    }
    begin = end;
  }
  return claimed;
}

TEST(QuickSplitter, ClaimsOnlyPiecesOfThePlainOne) {
  const std::string parts[] = {"a",
                               "Z",
                               " ",
                               "  ",
                               "\n",
                               "\r",
                               "\t",
                               "\v",
                               "\f",
                               "\x1c",
                               "\x7f",
                               "'",
                               "'s",
                               "'r",
                               "'re",
                               "'LL",
                               "0",
                               "42",
                               ".",
                               "!?",
                               "\xC3\xA9",
                               "\xFF",
                               "_",
                               "\xE4\xB8\xAD",
                               "\xC2\xA0",
                               "\xC5\xBF",
                               "averyverylongwordindeed",
                               "                    ",
                               "----------------"};
  std::mt19937 random(3);
  size_t claimed = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    for (uint32_t i = random() % 12; i > 0; --i) text += parts[random() % std::size(parts)];
    claimed += compare<SplitPattern::kGpt2>(text);
    claimed += compare<SplitPattern::kSmolLm>(text);
    if (HasFailure()) return;
  }
  EXPECT_GT(claimed, 100'000u);
}

TEST(QuickSplitter, LeavesTheEndOfTheTextAndWhatIsNotAsciiToThePlainOne) {
  const auto quick = [](std::string_view text) {
    return quick_piece<SplitPattern::kGpt2>(text.data(), 0, text.size(), text.size());
  };
  EXPECT_EQ(quick(" word and more text"), 5u);
  EXPECT_EQ(quick(" word and more"), 0u);
  EXPECT_EQ(quick("na\xC3\xAFve and more text"), 0u);
  EXPECT_EQ(quick("'s and more of the text"), 0u);
}

}  // namespace
}  // namespace studio::engine
