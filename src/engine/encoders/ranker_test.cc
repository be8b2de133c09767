// Cross-encoders: scores of texts and pairs against the reference in f64 (tools/golden/make_ranker.py).
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "engine/encoders/encoder.h"
#include "engine/encoders/rank_head.h"
#include "engine/formats/open_encoder.h"

namespace studio::engine {
namespace {

const std::string kGolden = std::string(STUDIO_SOURCE_DIR) + "/tests/golden/encoders/";
// Of random weights and f32 products; what is promised is 1e-3.
constexpr double kTolerance = 1e-5;

struct Cases {
  std::vector<EncoderText> texts;
  std::vector<double> scores;
};

Cases read_cases(const std::string& name) {
  Cases cases;
  const auto text = read_file(kGolden + name + ".json", 1 << 20);
  EXPECT_TRUE(text.ok()) << name;
  const auto list = parse_json(*text);
  EXPECT_TRUE(list.ok());
  for (const boost::json::value& item : list->as_array()) {
    EncoderText& pair = cases.texts.emplace_back();
    for (const boost::json::value& id : item.at("ids").as_array()) {
      pair.ids.push_back(static_cast<TokenId>(id.as_int64()));
    }
    pair.second_from = static_cast<int>(item.at("second_from").as_int64());
    cases.scores.push_back(item.at("score").to_number<double>());
  }
  return cases;
}

class Ranker : public ::testing::TestWithParam<const char*> {};

TEST_P(Ranker, GivesTheScoresOfTheReferenceTheSameBitsAloneAndTogether) {
  ThreadPool pool(2);
  const Cases cases = read_cases(GetParam());
  ASSERT_FALSE(cases.texts.empty());
  std::vector<float> first;
  for (const KernelSet* kernels : available_kernels()) {
    auto encoder = Encoder::open(kGolden + GetParam(), *kernels, pool);
    ASSERT_TRUE(encoder.ok()) << encoder.error().message();
    EXPECT_TRUE((*encoder)->config().ranks());
    EXPECT_EQ((*encoder)->config().width(), 1);
    const auto together = (*encoder)->encode(cases.texts);
    ASSERT_TRUE(together.ok()) << together.error().message();
    ASSERT_EQ(together->size(), cases.scores.size());
    for (size_t i = 0; i < cases.scores.size(); ++i) {
      EXPECT_NEAR(static_cast<double>((*together)[i]), cases.scores[i], kTolerance) << kernels->name << " " << i;
      const auto alone = (*encoder)->encode(std::span(cases.texts).subspan(i, 1));
      ASSERT_TRUE(alone.ok());
      EXPECT_EQ((*alone)[0], (*together)[i]) << i;
    }
    if (first.empty()) first = *together;
    EXPECT_EQ(*together, first) << kernels->name;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Ranker, ::testing::Values("tiny-ranker", "tiny-xlmr-ranker"));

TEST(RankerOfBert, KnowsWhereTheSecondTextBegins) {
  ThreadPool pool(1);
  auto encoder = Encoder::open(kGolden + "tiny-ranker", *available_kernels().back(), pool);
  ASSERT_TRUE(encoder.ok());
  Cases cases = read_cases("tiny-ranker");
  EncoderText moved = cases.texts[3];
  ++moved.second_from;
  const auto scores = (*encoder)->encode(std::vector<EncoderText>{cases.texts[3], moved});
  ASSERT_TRUE(scores.ok());
  EXPECT_NE((*scores)[0], (*scores)[1]);
  moved.second_from = static_cast<int>(moved.ids.size());
  EXPECT_FALSE((*encoder)->check({&moved, 1}).ok());
  moved.second_from = -1;
  EXPECT_FALSE((*encoder)->check({&moved, 1}).ok());
}

TEST(RankerOfXlmr, HasTheContextThatIsLeftBehindPadding) {
  ThreadPool pool(1);
  auto encoder = Encoder::open(kGolden + "tiny-xlmr-ranker", *available_kernels().back(), pool);
  ASSERT_TRUE(encoder.ok());
  EXPECT_EQ((*encoder)->config().context_tokens, 64);  // of 66 positions
}

TEST(RankHead, IsADenseLayerATanhAndAProduct) {
  const RankHead head({1, 0, 0, 2}, {0, 0.5f}, {3, -1}, 0.25f);
  const std::vector<float> x = {0.5f, -0.25f};
  EXPECT_FLOAT_EQ(head.score(x), static_cast<float>(3 * std::tanh(0.5) - std::tanh(0.0) + 0.25));
}

TEST(OpenEncoder, KnowsAnEncoderByWhatItsFilesSay) {
  EXPECT_TRUE(is_encoder(kGolden + "tiny-bert"));
  EXPECT_TRUE(is_encoder(kGolden + "tiny-xlmr-ranker"));
  EXPECT_FALSE(is_encoder(std::string(STUDIO_SOURCE_DIR) + "/tests/golden/adapters/llama-r4.gguf"));
  EXPECT_FALSE(is_encoder(kGolden));
  EXPECT_FALSE(is_encoder("/nowhere"));
}

// The head is what the gateway reads: all of the configuration, no tensor.
TEST(OpenEncoder, ReadsTheSameConfigurationFromTheHeadAlone) {
  for (const char* name : {"tiny-bert", "tiny-ranker", "tiny-xlmr-ranker"}) {
    const auto head = read_encoder_head(kGolden + name), whole = open_encoder(kGolden + name);
    ASSERT_TRUE(head.ok() && whole.ok()) << name;
    EXPECT_TRUE(head->tensors().empty());
    const auto of_head = EncoderConfig::read(*head), of_whole = EncoderConfig::read(*whole);
    ASSERT_TRUE(of_head.ok() && of_whole.ok()) << name;
    EXPECT_EQ(of_head->vocab, of_whole->vocab);
    EXPECT_EQ(of_head->context_tokens, of_whole->context_tokens);
    EXPECT_EQ(of_head->ranks(), of_whole->ranks());
  }
}

// A folder of the golden ones with other text in some of its files, gone with the object.
class Changed {
 public:
  Changed(const std::string& name, const std::string& file, const std::string& from, const std::string& to) {
    char pattern[] = "/tmp/ranker_test.XXXXXX";
    path_ = ::mkdtemp(pattern);
    std::filesystem::copy(kGolden + name, path_, std::filesystem::copy_options::recursive);
    const auto text = read_file(path_ + "/" + file, 1 << 20);
    std::string changed = text.ok() ? *text : "";
    const size_t at = changed.find(from);
    EXPECT_TRUE(from.empty() || at != std::string::npos) << from;
    if (!from.empty() && at != std::string::npos) changed.replace(at, from.size(), to);
    if (from.empty()) changed = to;
    std::ofstream(path_ + "/" + file, std::ios::binary) << changed;
  }
  ~Changed() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(RankerFolder, RefusesClassesAndMissingHeads) {
  const Changed labels("tiny-ranker", "config.json", R"({"0":"LABEL_0"})", R"({"0":"a","1":"b"})");
  const auto read = read_encoder_head(labels.path());
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.error().message().find("has 2 labels; a model that ranks has one"), std::string::npos);
  const Changed headless("tiny-bert", "config.json", "BertModel\"]",
                         "BertForSequenceClassification\"],\"num_labels\":1");
  const auto opened = open_encoder(headless.path());
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message().find("is missing"), std::string::npos) << opened.error().message();
}

TEST(EncoderFolder, SaysWhichShorterVectorsAndPromptsItWasTrainedFor) {
  const Changed listed("tiny-bert", "config.json", "{", R"({"matryoshka_dimensions":[16,8],)");
  const auto config = EncoderConfig::read(*read_encoder_head(listed.path()));
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->shorter, (std::vector<int>{8, 16}));
  const Changed any("tiny-bert", "config.json", "{", R"({"is_matryoshka":true,)");
  EXPECT_EQ(EncoderConfig::read(*read_encoder_head(any.path()))->shorter.size(), 32u);
  const Changed bad("tiny-bert", "config.json", "{", R"({"matryoshka_dimensions":[33],)");
  EXPECT_FALSE(read_encoder_head(bad.path()).ok());
  const Changed prompts("tiny-bert", "config_sentence_transformers.json", "",
                        R"({"prompts":{"query":"query: ","passage":"passage: "}})");
  const auto with_prompts = EncoderConfig::read(*read_encoder_head(prompts.path()));
  ASSERT_TRUE(with_prompts.ok());
  EXPECT_EQ(with_prompts->query_prompt, "query: ");
  EXPECT_EQ(with_prompts->document_prompt, "passage: ");
  const Changed usual("tiny-bert", "config_sentence_transformers.json", "", R"({"default_prompt_name":"query"})");
  EXPECT_FALSE(read_encoder_head(usual.path()).ok());
}

}  // namespace
}  // namespace studio::engine
