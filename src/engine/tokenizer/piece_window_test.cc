#include "engine/tokenizer/piece_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "engine/formats/gguf.h"
#include "engine/tokenizer/piece_encoder.h"
#include "engine/tokenizer/piece_window_for_test.h"
#include "engine/tokenizer/plain_tokenizer.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/unicode_classes.h"
#include "engine/tokenizer/vocabulary_builder.h"

namespace studio::engine {
namespace {

struct Case {
  const char* name;
  PieceWindowFn look;
};

// Tables of which each bit is set with a chance of `set_of_8` in 8.
class SomeSeams {
 public:
  SomeSeams(std::mt19937& random, uint32_t set_of_8) {
    for (auto* bits : {&pairs_, &bytes_}) {
      for (uint64_t& word : *bits) {
        for (int i = 0; i < 64; ++i) word |= uint64_t{random() % 8 < set_of_8} << i;
      }
    }
  }
  Seams seams() const { return {pairs_, bytes_}; }

 private:
  std::vector<uint64_t> pairs_ = std::vector<uint64_t>(seam_bits::kPairWords),
                        bytes_ = std::vector<uint64_t>(seam_bits::kByteWords);
};

// Whether a piece of `text` may be cut there: between whole characters, not both of ASCII, at a seam.
bool may_cut(std::string_view text, size_t cut, const Seams& seams) {
  size_t before = cut - 1;
  while (before > 0 && cut - before < 4 && (static_cast<uint8_t>(text[before]) & 0xC0) == 0x80) --before;
  const CodePoint left = decode_utf8(text, before), right = decode_utf8(text, cut);
  return before + static_cast<size_t>(left.bytes) == cut && (left.value | right.value) >= 0x80 &&
         seams.between(left.value, text.data() + cut, right.value);
}

std::string random_text(std::mt19937& random) {
  static const std::string kParts[] = {"a",
                                       "Z",
                                       "word",
                                       " word",
                                       "averyverylongwordindeed",
                                       "0",
                                       "42",
                                       " ",
                                       "  ",
                                       "        ",
                                       "\n",
                                       "\r\n",
                                       "\n\n",
                                       "\t",
                                       "\v",
                                       "\x1c",
                                       "\x7f",
                                       ".",
                                       ",",
                                       "--",
                                       "(",
                                       "_",
                                       "'",
                                       "'s",
                                       "'S",
                                       "'t",
                                       "'re",
                                       "'LL",
                                       "'ve",
                                       "'d",
                                       "'rest",
                                       "'\u017F",
                                       "\u00e9",
                                       "\u4e2d",
                                       "\u6587",
                                       "\u4e2d\u6587\u5b57",
                                       "\u4dff",
                                       "\ua000",
                                       "\uff0c",
                                       "\u3002",
                                       "\u201c",
                                       "\u2019",
                                       "\u2014",
                                       "\u3000",
                                       "\uff21",
                                       "\uff11",
                                       "\u00a0",
                                       "\u0661",
                                       "\u0416",
                                       "\xff",
                                       "\xe4",
                                       "\xe4\xb8",
                                       "\xb8",
                                       "\U0001F600",
                                       "----------------"};
  // Of few of them, so that they meet often.
  const size_t first = random() % std::size(kParts), kinds = 1 + random() % 8;
  std::string text;
  for (uint32_t i = random() % 60; i > 0; --i) {
    text +=
        kParts[random() % 3 == 0 ? random() % std::size(kParts) : (first + random() % kinds * 7) % std::size(kParts)];
  }
  return text;
}

class PieceWindows : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (GetParam().look == piece_window_avx512 && !has_piece_window_avx512()) GTEST_SKIP() << "not on this processor";
  }
};

TEST_P(PieceWindows, CutAsThePlainSplitterWhereNothingIsASeam) {
  std::mt19937 random(5);
  const SomeSeams none(random, 8);
  size_t known = 0, bytes = 0;
  for (int round = 0; round < 30'000; ++round) {
    const std::string text = random_text(random);
    const WindowCuts cuts = window_cuts(GetParam().look, text, none.seams());
    ASSERT_TRUE(cuts.is_sound) << testing::PrintToString(text);
    ASSERT_EQ(cuts.ends, plain_cuts(text)) << testing::PrintToString(text);
    known += cuts.known;
    bytes += text.size();
  }
  EXPECT_GT(known, bytes / 3);
}

TEST_P(PieceWindows, CutBesidesAtSeamsAlone) {
  std::mt19937 random(6);
  size_t more = 0;
  for (const uint32_t set_of_8 : {0u, 1u, 4u}) {
    const SomeSeams some(random, set_of_8);
    const Seams seams = some.seams();
    for (int round = 0; round < 10'000; ++round) {
      const std::string text = random_text(random);
      const std::vector<size_t> cuts = window_cuts(GetParam().look, text, seams).ends, plain = plain_cuts(text);
      ASSERT_TRUE(std::includes(cuts.begin(), cuts.end(), plain.begin(), plain.end())) << testing::PrintToString(text);
      for (const size_t cut : cuts) {
        if (std::binary_search(plain.begin(), plain.end(), cut)) continue;
        ASSERT_TRUE(may_cut(text, cut, seams)) << "at " << cut << " of " << testing::PrintToString(text);
        ++more;
      }
    }
  }
  EXPECT_EQ(more > 10'000, GetParam().look == piece_window_avx512);
}

TEST_P(PieceWindows, KnowTheClassOfEveryCharacterOfThreeBytes) {
  std::mt19937 random(7);
  const SomeSeams none(random, 8);
  for (uint32_t c = 0x800; c < 0x10000; ++c) {
    const std::string bytes = {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3F)),
                               static_cast<char>(0x80 | (c & 0x3F))};
    const std::string text = "x" + bytes + "y " + bytes + bytes + "\n" + bytes + " 1" + bytes;
    ASSERT_EQ(window_cuts(GetParam().look, text, none.seams()).ends, plain_cuts(text)) << "U+" << std::hex << c;
  }
}

TEST_P(PieceWindows, LeadToTheIdsOfThePlainDefinition) {
  auto file = GgufFile::open(std::string(STUDIO_SOURCE_DIR) + "/catalogue/builtin/tiny-qwen3.gguf");
  ASSERT_TRUE(file.ok());
  auto data = TokenizerData::from_gguf(*file);
  ASSERT_TRUE(data.ok());
  auto tokenizer = Tokenizer::build(*data);
  auto tables = build_tables(*data, {});
  ASSERT_TRUE(tokenizer.ok() && tables.ok());
  const PlainTokenizer plain(*data, **tokenizer);
  WordCache cache;
  std::mt19937 random(8);
  for (int round = 0; round < 3000; ++round) {
    const std::string text = PlainTokenizer::normalised(random_text(random));
    std::vector<TokenId> ids;
    PieceEncoder(*tables, cache, ids, GetParam().look).encode(SplitPattern::kQwen2, text);
    ASSERT_EQ(ids, plain.encode(text)) << testing::PrintToString(text);
  }
}

INSTANTIATE_TEST_SUITE_P(Processors, PieceWindows,
                         testing::Values(Case{"base", piece_window_base}, Case{"avx512", piece_window_avx512}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace studio::engine
