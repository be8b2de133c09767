#include "engine/tokenizer/normal_form.h"

#include <gtest/gtest.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <random>
#include <string>

#include "engine/tokenizer/plain_tokenizer.h"

namespace studio::engine {
namespace {

void append(std::string& text, uint32_t c) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xC0 | c >> 6), tail(0);
  } else if (c < 0x10000) {
    text += static_cast<char>(0xE0 | c >> 12), tail(6), tail(0);
  } else {
    text += static_cast<char>(0xF0 | c >> 18), tail(12), tail(6), tail(0);
  }
}

TEST(NormalForm, SteadyCharactersStandAndJoinWithNothingBefore) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::UnicodeSet known(icu::UnicodeString::fromUTF8("[:Age=9.0:]"), status);
  ASSERT_TRUE(U_SUCCESS(status));
  int steady = 0;
  for (uint32_t c = 0; c < 0x110000; ++c) {
    const auto point = static_cast<UChar32>(c);
    if (!is_steady(c) || !known.contains(point)) continue;
    ++steady;
    ASSERT_EQ(u_getIntPropertyValue(point, UCHAR_NFC_QUICK_CHECK), UNORM_YES) << std::hex << c;
    ASSERT_EQ(u_getCombiningClass(point), 0) << std::hex << c;
  }
  EXPECT_GT(steady, 200'000);
}

TEST(NormalForm, OfAnyBytesIsThatOfTheWholeText) {
  // Marks, what they join with, what is normalised by itself, Hangul parts, and characters younger than 9.0.
  const uint32_t unsteady[] = {0x300,   0x301,   0x327,   0x323,   0x3099,  0x309A, 0x1161, 0x11A8, 0x345,
                               0x5B0,   0x93C,   0x340,   0x212B,  0x958,   0xFB1D, 0xF900, 0x1100, 0xAC00,
                               0x304B,  0x65,    0x41,    0x3B1,   0x1F70,  0x915,  0xDD9,  0xDCF,  0x1BE0,
                               0x1D15E, 0x2F800, 0x16D67, 0x113C2, 0x10D69, 0x1E8D0};
  std::mt19937 random(5);
  std::string storage;
  int changed = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string text;
    for (uint32_t parts = 1 + random() % 12; parts > 0; --parts) {
      switch (random() % 6) {
        case 0:
          text += static_cast<char>(random());
          break;
        case 1:
          append(text, random() % 0x3000);
          break;
        case 2:
          append(text, random() % 0x110000);
          break;
        case 3:
          append(text, 0x4E00 + random() % 0x5000);
          break;
        default:
          append(text, unsteady[random() % std::size(unsteady)]);
      }
    }
    const std::string whole = PlainTokenizer::normalised(text);
    changed += whole != text;
    ASSERT_EQ(to_nfc(text, storage), whole) << testing::PrintToString(text);
  }
  EXPECT_GT(changed, 10'000);
}

// Some hundred, so that the library's own order of them can be waited for.
TEST(NormalForm, OfLongRunsOfMarksIsTheLibrarys) {
  // Marks of several classes, some that are made of others, two that begin no class of their own, and younger ones.
  const uint32_t marks[] = {0x300, 0x301, 0x327, 0x323, 0x3099, 0x345, 0x5B0,  0x93C,   0x340,  0x344,
                            0x343, 0xF73, 0xF75, 0xF81, 0xF71,  0xF72, 0x1DF9, 0x1E8D0, 0x1ABF, 0xDD};
  std::mt19937 random(6);
  std::string storage;
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (uint32_t runs = 1 + random() % 3; runs > 0; --runs) {
      append(text, "aeo\xC5k"[random() % 5] & 0xFF);
      const uint32_t kinds = 2 + random() % std::size(marks);
      for (uint32_t left = random() % 400; left > 0; --left) append(text, marks[random() % kinds % std::size(marks)]);
      if (random() % 3 == 0) text += static_cast<char>(random());
    }
    ASSERT_EQ(to_nfc(text, storage), PlainTokenizer::normalised(text)) << testing::PrintToString(text);
  }
}

TEST(NormalForm, OfAMillionMarksIsThere) {
  constexpr int kEach = 500'000;
  std::string text = "a", wanted = "\xC3\xA1", storage;  // the first acute joins the letter
  for (int i = 0; i < kEach; ++i) append(text, 0x301), append(text, 0x327);
  for (int i = 0; i < kEach; ++i) append(wanted, 0x327);
  for (int i = 1; i < kEach; ++i) append(wanted, 0x301);
  EXPECT_TRUE(to_nfc(text, storage) == wanted);
}

}  // namespace
}  // namespace studio::engine
