#include "engine/tokenizer/wordpiece.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "engine/tokenizer/bert_text.h"

namespace studio::engine {
namespace {

const std::string kGolden = std::string(STUDIO_SOURCE_DIR) + "/tests/golden/encoders/";

std::string file_text(const std::string& path) {
  auto text = read_file(path, 1 << 20);
  EXPECT_TRUE(text.ok()) << path;
  return text.ok() ? *text : "";
}

std::shared_ptr<const WordPiece> golden_vocabulary() {
  auto made = WordPiece::from_json(file_text(kGolden + "tiny-bert/tokenizer.json"));
  EXPECT_TRUE(made.ok()) << made.error().message();
  return *made;
}

// A file with this vocabulary, and what else the reader asks for.
std::string vocabulary_json(const std::string& vocabulary, const std::string& normalizer = "") {
  return R"({"normalizer":{"type":"BertNormalizer")" + normalizer +
         R"(},"pre_tokenizer":{"type":"BertPreTokenizer"},)"
         R"("post_processor":{"type":"BertProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]},)"
         R"("model":{"type":"WordPiece","unk_token":"[UNK]","vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2)" +
         vocabulary + "}}}";
}

std::vector<std::string> words_of(std::string_view text, const BertTextRules& rules = {}) {
  std::vector<std::string> words;
  BertWords cutter(text, rules);
  std::string_view word;
  size_t characters = 0;
  while (cutter.next(word, characters)) words.emplace_back(word);
  return words;
}

using Words = std::vector<std::string>;

TEST(WordPiece, GivesTheIdsOfTheReferenceLibrary) {
  const auto vocabulary = golden_vocabulary();
  auto cases = parse_json(file_text(kGolden + "wordpiece.json"));
  ASSERT_TRUE(cases.ok());
  size_t compared = 0;
  for (const boost::json::value& item : cases->as_array()) {
    const std::string text(item.at("text").as_string());
    std::vector<TokenId> expected;
    for (const boost::json::value& id : item.at("ids").as_array())
      expected.push_back(static_cast<TokenId>(id.as_int64()));
    EXPECT_EQ(vocabulary->encode_for_model(text), expected) << text;
    ++compared;
  }
  EXPECT_GE(compared, 40u);
}

TEST(WordPiece, TakesTheLongestTokenAndKnowsWordsItCannotSpell) {
  auto made = WordPiece::from_json(vocabulary_json(R"(,"ab":3,"abc":4,"##d":5,"##de":6,"##cd":7,"a":8)"));
  ASSERT_TRUE(made.ok()) << made.error().message();
  using Ids = std::vector<TokenId>;
  EXPECT_EQ((*made)->encode("abcde"), (Ids{4, 6}));
  EXPECT_EQ((*made)->encode("abd ABC"), (Ids{3, 5, 4}));
  EXPECT_EQ((*made)->encode("abx"), Ids{0});            // no part of a word that cannot be spelled
  EXPECT_EQ((*made)->encode("ab,ab"), (Ids{3, 0, 3}));  // the comma is no token
  EXPECT_EQ((*made)->encode_for_model(""), (Ids{1, 2}));
  EXPECT_EQ((*made)->encode("[SEP]").size(), 3u);  // a caller's text gives no control token
  EXPECT_EQ((*made)->encode(std::string(101, 'a')), Ids{0});
}

TEST(WordPiece, ReadsBytesThatAreNoTextAsReplacementCharacters) {
  const auto vocabulary = golden_vocabulary();
  for (const std::string bad : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe4\xbd", "\x80"}) {
    EXPECT_EQ(vocabulary->encode("hello" + bad + "world"), vocabulary->encode("helloworld")) << "they are dropped";
  }
}

TEST(WordPiece, IsTheSameForATextCutAtSpaces) {
  const auto vocabulary = golden_vocabulary();
  auto cases = parse_json(file_text(kGolden + "wordpiece.json"));
  ASSERT_TRUE(cases.ok());
  std::string all;
  std::vector<TokenId> expected;
  for (const boost::json::value& item : cases->as_array()) {
    const std::string text(item.at("text").as_string());
    all += text + " ";
    const auto ids = vocabulary->encode(text);
    expected.insert(expected.end(), ids.begin(), ids.end());
  }
  EXPECT_EQ(vocabulary->encode(all), expected);
}

TEST(BertWords, FollowsItsRules) {
  EXPECT_EQ(words_of("It\u2019s  A\u0301B,\u4f60\u597d!"),
            (Words{"it", "\u2019", "s", "ab", ",", "\u4f60", "\u597d", "!"}));
  EXPECT_EQ(words_of("\u0130I\u00c9", {.strips_accents = false}), (Words{"i\u0307i\u00e9"}));
  EXPECT_EQ(words_of("\u0130I\u00c9", {.lowers = false}), (Words{"IIE"}));
  EXPECT_EQ(words_of("a\u4f60b", {.sets_chinese_apart = false}), (Words{"a\u4f60b"}));
  EXPECT_EQ(words_of("a\x01z", {.cleans = false}), (Words{"a\x01z"}));
  EXPECT_EQ(words_of("a\x01z"), (Words{"az"}));
  EXPECT_EQ(words_of(" \u0301 \u0302"), Words{});
}

TEST(WordPiece, RefusesByName) {
  const struct {
    std::string json, told;
  } cases[] = {
      {"{}", "there is no model"},
      {"[", "no JSON"},
      {R"({"model":{"type":"BPE"}})", "WordPiece is supported here"},
      {R"({"model":{"type":"WordPiece"}})", "normalizer other than BertNormalizer"},
      {vocabulary_json("", R"(,"lowercase":3)"), "normalizer.lowercase is neither true nor false"},
      {vocabulary_json(R"(,"x":2)"), "two tokens have the id 2"},
      {vocabulary_json(R"(,"x":-1)"), "is out of range"},
      {vocabulary_json(R"(,"x":99999999)"), "is out of range"},
      {vocabulary_json(R"(,"":3)"), "is empty or over"},
      {R"({"normalizer":{"type":"BertNormalizer"},"pre_tokenizer":{"type":"Whitespace"},"model":{"type":"WordPiece"}})",
       "pre_tokenizer other than"},
      {R"({"normalizer":{"type":"BertNormalizer"},"pre_tokenizer":{"type":"BertPreTokenizer"},"model":{"type":"WordPiece","unk_token":"u","vocab":{"x":0}}})",
       "model.unk_token \"u\" is not in the vocabulary"},
      {R"({"normalizer":{"type":"BertNormalizer"},"pre_tokenizer":{"type":"BertPreTokenizer"},"model":{"type":"WordPiece","unk_token":"x","vocab":{"x":0}}})",
       "there is no post_processor"},
  };
  for (const auto& c : cases) {
    auto made = WordPiece::from_json(c.json);
    ASSERT_FALSE(made.ok()) << c.json;
    EXPECT_NE(made.error().message().find(c.told), std::string::npos) << made.error().message();
  }
}

}  // namespace
}  // namespace studio::engine
