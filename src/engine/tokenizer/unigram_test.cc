#include "engine/tokenizer/unigram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <random>

#include "engine/formats/gguf.h"
#include "engine/formats/gguf_writer.h"

namespace studio::engine {
namespace {

using Ids = std::vector<TokenId>;

struct Vocabulary {
  std::vector<std::string> tokens = {"<s>", "</s>", "<unk>", "\u2581",   "\u2581a", "a",
                                     "b",   "ab",   "abc",   "\u2581ab", "\u4f60",  "\u4f60\u597d"};
  std::vector<float> scores = {0, 0, 0, -3, -4, -5, -6, -7, -20, -12, -8, -9};
  std::vector<int32_t> types = {3, 3, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  std::vector<int32_t> from = {'\t', ' ', 0xFF21}, ends = {1, 2, 4}, to = {' ', ' ', 'a', 'b'};
  uint32_t unknown = 2;
};

std::vector<uint8_t> file_of(const Vocabulary& v) {
  GgufWriter writer;
  writer.add_string("tokenizer.ggml.model", "t5");
  writer.add_string_array("tokenizer.ggml.tokens", v.tokens);
  writer.add_f32_array("tokenizer.ggml.scores", v.scores);
  writer.add_i32_array("tokenizer.ggml.token_type", v.types);
  writer.add_u32("tokenizer.ggml.bos_token_id", 0);
  writer.add_u32("tokenizer.ggml.eos_token_id", 1);
  writer.add_u32("tokenizer.ggml.unknown_token_id", v.unknown);
  writer.add_i32_array(kUnigramFromKey, v.from);
  writer.add_i32_array(kUnigramEndsKey, v.ends);
  writer.add_i32_array(kUnigramToKey, v.to);
  auto bytes = writer.finish();
  EXPECT_TRUE(bytes.ok());
  return *bytes;
}

Result<std::shared_ptr<const Unigram>> made_of(const Vocabulary& v) {
  const auto bytes = file_of(v);
  auto file = GgufFile::parse(bytes);
  if (!file.ok()) return std::move(file).error();
  return Unigram::from_gguf(*file);
}

TEST(Unigram, TakesTheCutOfTheLargestScore) {
  const auto unigram = made_of({});
  ASSERT_TRUE(unigram.ok()) << unigram.error().message();
  EXPECT_EQ((*unigram)->encode("a"), Ids{4});
  EXPECT_EQ((*unigram)->encode("ab"), (Ids{3, 7}));  // -3 - 7: more than -12, and found before -4 - 6
  EXPECT_EQ((*unigram)->encode("aab"), (Ids{4, 7}));
  EXPECT_EQ((*unigram)->encode("\u4f60\u597d"), (Ids{3, 11}));
  EXPECT_EQ((*unigram)->encode_for_model(""), (Ids{0, 1}));
}

TEST(Unigram, ReplacesCharactersAndPartsWordsAtSpaces) {
  const auto unigram = made_of({});
  ASSERT_TRUE(unigram.ok());
  EXPECT_EQ((*unigram)->encode("  a \t a  "), (Ids{4, 4}));
  EXPECT_EQ((*unigram)->encode("\uff21"), (*unigram)->encode("ab"));
  EXPECT_EQ((*unigram)->encode(" \t "), Ids{});
}

TEST(Unigram, JoinsWhatItDoesNotKnow) {
  const auto unigram = made_of({});
  ASSERT_TRUE(unigram.ok());
  EXPECT_EQ((*unigram)->encode("xyz"), (Ids{3, 2}));
  EXPECT_EQ((*unigram)->encode("axa"), (Ids{4, 2, 5}));
  EXPECT_EQ((*unigram)->encode("\u597d\xff\xe4"), (Ids{3, 2}));
  EXPECT_EQ((*unigram)->encode("<s>").front(), 3) << "a caller's text gives no control token";
}

// Every cut of a word, tried one after the other.
double best_of_all(const Vocabulary& v, const std::string& word) {
  std::map<std::string, double> score_of;
  for (size_t i = 3; i < v.tokens.size(); ++i) score_of[v.tokens[i]] = static_cast<double>(v.scores[i]);
  const double unknown = static_cast<double>(*std::min_element(v.scores.begin(), v.scores.end())) - 10;
  std::function<double(size_t)> best = [&](size_t at) -> double {
    if (at == word.size()) return 0;
    double most = -INFINITY;
    for (size_t n = 1; at + n <= word.size(); ++n) {
      const auto found = score_of.find(word.substr(at, n));
      if (found != score_of.end()) most = std::max(most, found->second + best(at + n));
    }
    if (score_of.count(word.substr(at, 1)) == 0) most = std::max(most, unknown + best(at + 1));
    return most;
  };
  return best(0);
}

TEST(Unigram, IsAsGoodAsTheBestOfAllCuts) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Vocabulary v;
    v.tokens.resize(4);
    for (int i = 0; i < 12; ++i) {
      std::string token;
      for (unsigned n = 1 + random() % 4; n > 0; --n) token += static_cast<char>('a' + random() % 3);
      if (std::find(v.tokens.begin(), v.tokens.end(), token) == v.tokens.end()) v.tokens.push_back(token);
    }
    v.scores.assign(v.tokens.size(), 0);
    for (size_t i = 3; i < v.scores.size(); ++i) v.scores[i] = -1 - static_cast<float>(random() % 1000) / 64;
    v.types.assign(v.tokens.size(), 1);
    v.types[0] = v.types[1] = 3;
    v.types[2] = 2;
    const auto unigram = made_of(v);
    ASSERT_TRUE(unigram.ok()) << unigram.error().message();
    std::string word;
    for (unsigned n = 1 + random() % 9; n > 0; --n) word += static_cast<char>('a' + random() % 4);
    double score = 0;
    size_t spelled = 0;
    bool has_unknown = false;
    for (const TokenId id : (*unigram)->encode(word)) {
      has_unknown = has_unknown || id == 2;
      score += static_cast<double>(v.scores[static_cast<size_t>(id)]);
      spelled += v.tokens[static_cast<size_t>(id)].size();
    }
    if (has_unknown) continue;  // joined: their number is not seen
    EXPECT_EQ(spelled, word.size() + 3);
    EXPECT_NEAR(score, static_cast<double>(v.scores[3]) + best_of_all(v, word), 1e-9) << word;
  }
}

TEST(Unigram, CutsWordsWithoutAnEnd) {
  const auto unigram = made_of({});
  ASSERT_TRUE(unigram.ok());
  EXPECT_GT((*unigram)->encode(std::string(1 << 20, 'a')).size(), size_t{1} << 19);
}

TEST(Unigram, RefusesByKey) {
  const auto refusal = [](auto change) {
    Vocabulary v;
    change(v);
    auto made = made_of(v);
    return made.ok() ? std::string() : made.error().message();
  };
  using V = Vocabulary;
  EXPECT_NE(refusal([](V& v) { v.scores.pop_back(); }).find("tokenizer.ggml.tokens"), std::string::npos);
  EXPECT_NE(refusal([](V& v) { v.scores[5] = INFINITY; }).find("tokenizer.ggml.scores"), std::string::npos);
  EXPECT_NE(refusal([](V& v) { v.unknown = 99; }).find("tokenizer.ggml.unknown_token_id"), std::string::npos);
  EXPECT_NE(refusal([](V& v) { v.from[1] = 0; }).find("studio.unigram.from"), std::string::npos);
  EXPECT_NE(refusal([](V& v) { v.ends[1] = 0; }).find("studio.unigram.ends"), std::string::npos);
  EXPECT_NE(refusal([](V& v) { v.ends[2] = 5; }).find("studio.unigram.ends"), std::string::npos);
  EXPECT_NE(refusal([](V& v) { v.ends.pop_back(); }).find("studio.unigram.ends"), std::string::npos);
  EXPECT_NE(refusal([](V& v) { v.to[0] = 0x110000; }).find("studio.unigram.to"), std::string::npos);
}

}  // namespace
}  // namespace studio::engine
