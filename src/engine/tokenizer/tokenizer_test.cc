#include "engine/tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "engine/formats/gguf.h"
#include "engine/tokenizer/plain_tokenizer.h"
#include "engine/tokenizer/stream_decoder.h"
#include "engine/tokenizer/vocabulary_builder.h"

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

// Chinese falls at its seams, words come again and again, marks are composed.
TEST(Tokenizer, GivesTheIdsOfThePlainDefinition) {
  auto file = GgufFile::open(std::string(STUDIO_SOURCE_DIR) + "/catalogue/builtin/tiny-qwen3.gguf");
  ASSERT_TRUE(file.ok());
  auto data = TokenizerData::from_gguf(*file);
  ASSERT_TRUE(data.ok());
  const std::string parts[] = {"the ",
                               "violin",
                               " a",
                               "e\xCC\x81",
                               "\xE4\xBD\xA0",
                               "\xE5\xA5\xBD",
                               "\xE4\xB8\xAD\xE6\x96\x87",
                               "\xD0\xBF\xD1\x80",
                               "\xF0\x9F\x98\x80",
                               "\xFF",
                               "\xE4\xBD",
                               "12",
                               "\n\n",
                               "  ",
                               "'s",
                               "unbelievably",
                               "                    ",
                               "_x",
                               "=="};
  for (const SplitPattern pattern : {SplitPattern::kQwen2, SplitPattern::kGpt2, SplitPattern::kSmolLm}) {
    data->pattern = pattern;
    auto tokenizer = Tokenizer::build(*data);
    ASSERT_TRUE(tokenizer.ok());
    const PlainTokenizer plain(*data, **tokenizer);
    std::mt19937 random(11);
    for (int round = 0; round < 3000; ++round) {
      std::string text;
      for (uint32_t i = random() % 30; i > 0; --i) text += parts[random() % std::size(parts)];
      ASSERT_EQ((*tokenizer)->encode(text), plain.encode(text)) << testing::PrintToString(text);
    }
  }
}

// Tokens across characters, of parts of characters, and a byte that has none.
TEST(Tokenizer, MergesAcrossWhatLooksLikeASeam) {
  std::vector<std::string> texts;
  texts.reserve(400);
  TokenizerData data;
  data.pattern = SplitPattern::kQwen2;
  const auto letter = [](int byte) {
    int point = byte, others = 0x100;
    for (int b = 0; b <= byte; ++b) {
      const bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      point = printable ? b : others++;
    }
    if (point < 0x80) return std::string(1, static_cast<char>(point));
    return std::string{static_cast<char>(0xC0 | point >> 6), static_cast<char>(0x80 | (point & 0x3F))};
  };
  for (int byte = 0; byte < 256; ++byte) {
    if (byte != 0x01) data.tokens.push_back(texts.emplace_back(letter(byte)));
  }
  for (const std::string_view word : {"\xA0\xE5", "\xE4\xBD", "\xE5\xA5\xBD", "a\xE4", "\xBD\xE5\xA5\xBD"}) {
    std::string left = letter(static_cast<uint8_t>(word[0]));
    for (const char c : word.substr(1)) {
      const std::string right = letter(static_cast<uint8_t>(c));
      data.merges.push_back(texts.emplace_back(left + " " + right));
      left += right;
      data.tokens.push_back(texts.emplace_back(left));
    }
  }
  auto tokenizer = Tokenizer::build(data);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message();
  const PlainTokenizer plain(data, **tokenizer);
  const std::string parts[] = {"\xE4\xBD\xA0", "\xE5\xA5\xBD", "a", "\x01", "\xE6\x96\x87", "\xA0", "\xE5"};
  std::mt19937 random(13);
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (uint32_t i = random() % 8; i > 0; --i) text += parts[random() % std::size(parts)];
    ASSERT_EQ((*tokenizer)->encode(text), plain.encode(text)) << testing::PrintToString(text);
  }
}

// A piece that is not among the words is taken to be several tokens, where the words are known to be all.
TEST(Tokenizer, KnowsWhetherItsWordsAreAll) {
  const auto file = GgufFile::open(std::string(STUDIO_SOURCE_DIR) + "/catalogue/builtin/tiny-qwen3.gguf").value();
  const TokenizerData whole = TokenizerData::from_gguf(file).value();
  const auto has_all_words = [](const TokenizerData& data) { return build_tables(data, {}).value().has_all_words(); };
  EXPECT_TRUE(has_all_words(whole));
  TokenizerData padded = whole;
  padded.tokens.push_back("\xE4\xB8\xAD");  // of no bytes, so that it stands for other ones than it would be made of
  EXPECT_FALSE(has_all_words(padded));

  std::vector<std::string> texts;
  texts.reserve(100);
  TokenizerData data;
  for (char c = 0x21; c < 0x7F; ++c) data.tokens.push_back(texts.emplace_back(1, c));
  data.tokens.insert(data.tokens.end(), {"\xC4\xA0", "th", "the"});
  data.merges = {"t h", "th e"};
  EXPECT_FALSE(has_all_words(data));  // bytes that have no token are left out: what is around one may become a word
  const auto tokenizer = Tokenizer::build(data).value();
  for (const char* text : {"the", "t\xCE\xB1he", "\xCE\xB1the"}) {
    EXPECT_EQ(tokenizer->encode(text), PlainTokenizer(data, *tokenizer).encode(text)) << text;
    EXPECT_EQ(tokenizer->encode(text).size(), 1u) << text;
  }
  // What merging makes is never an added token.
  data.added.push_back({static_cast<TokenId>(data.tokens.size() - 1), "the", true});
  EXPECT_EQ(Tokenizer::build(data).error().code(), Code::kCorruptData);
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
