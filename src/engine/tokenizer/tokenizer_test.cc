#include "engine/tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "engine/formats/gguf.h"
#include "engine/tokenizer/stream_decoder.h"

namespace studio::engine {
namespace {

std::shared_ptr<const Tokenizer> tiny() {
  auto file = GgufFile::open(std::string(STUDIO_SOURCE_DIR) + "/catalogue/builtin/tiny-qwen3.gguf");
  if (!file.ok()) return nullptr;
  auto tokenizer = Tokenizer::from_gguf(*file);
  return tokenizer.ok() ? *tokenizer : nullptr;
}

std::vector<std::string> pieces(SplitPattern pattern, std::string_view text) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = next_segment(pattern, text, begin);
    const std::string_view segment = text.substr(begin, end - begin);
    for (size_t at = 0; at < segment.size();) {
      const size_t stop = next_piece(pattern, segment, at);
      out.emplace_back(segment.substr(at, stop - at));
      at = stop;
    }
    begin = end;
  }
  return out;
}

using Texts = std::vector<std::string>;

TEST(Splitter, CutsByTheQwenPattern) {
  EXPECT_EQ(pieces(SplitPattern::kQwen2, "Hello world's  42\n\n x"),
            (Texts{"Hello", " world", "'s", " ", " ", "4", "2", "\n\n", " x"}));
  EXPECT_EQ(pieces(SplitPattern::kQwen2, "a\t\tb  "), (Texts{"a", "\t", "\tb", "  "}));
  EXPECT_EQ(pieces(SplitPattern::kQwen2, "x !?\r\ny"), (Texts{"x", " !?\r\n", "y"}));
  EXPECT_EQ(pieces(SplitPattern::kQwen2, "I'LL"), (Texts{"I", "'LL"}));
}

TEST(Splitter, CutsByTheGpt2PatternAndIsolatesDigitsForSmolLm) {
  EXPECT_EQ(pieces(SplitPattern::kGpt2, "ab 123  c"), (Texts{"ab", " 123", " ", " c"}));
  EXPECT_EQ(pieces(SplitPattern::kSmolLm, "ab 12  c"), (Texts{"ab", " ", "1", "2", " ", " c"}));
}

TEST(StreamDecoder, HoldsBackUnfinishedCharactersAndReplacesWrongBytes) {
  StreamDecoder decoder;
  EXPECT_EQ(decoder.push("a\xE4\xBD"), "a");
  EXPECT_TRUE(decoder.holds());
  EXPECT_EQ(decoder.push("\xA0!"), "\xE4\xBD\xA0!");
  EXPECT_EQ(decoder.push("\xFF"
                         "b"),
            "\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(decoder.push("\xF0\x9F"), "");
  EXPECT_EQ(decoder.push("x"), "\xEF\xBF\xBDx");
  EXPECT_EQ(decoder.push("\xE4"), "");
  EXPECT_EQ(decoder.flush(), "\xEF\xBF\xBD");
  EXPECT_EQ(decoder.flush(), "");
}

TEST(Tokenizer, DecodesWhatItEncodes) {
  const auto tokenizer = tiny();
  ASSERT_NE(tokenizer, nullptr);
  for (const std::string text :
       {"What is a violin?", "  two\n\nlines\t", "\xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80", ""}) {
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text), false), text);
  }
}

TEST(Tokenizer, ReadsControlTokensOnlyFromTheTemplate) {
  const auto tokenizer = tiny();
  ASSERT_NE(tokenizer, nullptr);
  const TokenId start = tokenizer->find("<|im_start|>");
  ASSERT_GE(start, 0);
  EXPECT_EQ(tokenizer->encode_template("<|im_start|>"), (std::vector<TokenId>{start}));
  for (const TokenId id : tokenizer->encode("<|im_start|>")) EXPECT_FALSE(tokenizer->is_control(id));
  // Half from the template, half from the user: nobody wrote the whole token.
  const TextSegment halves[] = {{"<|im_", true}, {"start|>", false}};
  for (const TokenId id : tokenizer->encode(halves)) EXPECT_FALSE(tokenizer->is_control(id));
  // The template's own neighbours do join.
  const TextSegment joined[] = {{"<|im_", true}, {"", false}, {"start|>", true}};
  EXPECT_EQ(tokenizer->encode(joined), (std::vector<TokenId>{start}));
}

TEST(Tokenizer, ControlTokensFollowTheTemplateAloneWhateverUsersWrite) {
  const auto tokenizer = tiny();
  ASSERT_NE(tokenizer, nullptr);
  std::mt19937 random(7);
  const std::string parts[] = {"<|im_start|>", "<|im_end|>", "<think>", "</think>", "<|im_",
                               "start|>",      "<",          "|>",      "word ",    "\n"};
  for (int round = 0; round < 2000; ++round) {
    std::string user;
    for (int i = 0; i < 8; ++i) user += parts[random() % std::size(parts)];
    const TextSegment segments[] = {
        {"<|im_start|>user\n", true}, {user, false}, {"<|im_end|>\n<|im_start|>assistant\n", true}};
    const auto ids = tokenizer->encode(segments);
    std::vector<TokenId> control;
    for (const TokenId id : ids) {
      if (tokenizer->is_control(id)) control.push_back(id);
    }
    const TokenId start = tokenizer->find("<|im_start|>"), end = tokenizer->find("<|im_end|>");
    ASSERT_EQ(control, (std::vector<TokenId>{start, end, start})) << user;
    ASSERT_EQ(ids.front(), start);
  }
}

TEST(Tokenizer, MergesLongPiecesAsShortOnes) {
  const auto tokenizer = tiny();
  ASSERT_NE(tokenizer, nullptr);
  const std::string text(100000, 'a');
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(text), false), text);
}

TEST(Tokenizer, RefusesBrokenVocabularies) {
  TokenizerData data;
  data.tokens = {"a", "b"};
  EXPECT_EQ(Tokenizer::build(data).error().code(), Code::kCorruptData);
  EXPECT_FALSE(Tokenizer::from_json("{}").ok());
  EXPECT_FALSE(Tokenizer::from_json("[[[").ok());
}

}  // namespace
}  // namespace studio::engine
