#include "api/serving/embed_call.h"

#include <gtest/gtest.h>

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "api/serving/rank_call.h"
#include "base/json.h"

namespace studio::api {
namespace {

using inference::Encoded;
using inference::EncoderModel;
using inference::TooLong;

const std::string kGolden = std::string(STUDIO_SOURCE_DIR) + "/tests/golden/encoders/";
constexpr FieldRule kRules[] = {{"input"}, {"query"}, {"documents"}, {"numerics"}};

struct Read {
  EmbedCall call;
  Status status = Ok{};
};

Read read_items(const std::string& body, bool takes_ids) {
  Read read;
  const auto json = parse_json(body).value();
  FieldReader reader(json.get_object(), "", kRules, nullptr);
  read_embed_items(reader, "input", takes_ids, read.call);
  read.status = reader.status();
  return read;
}

TEST(Numerics, AreOneOfTwoClassesOrNotNamed) {
  const auto read = [](const std::string& body) {
    Read found;
    const auto json = parse_json(body).value();
    FieldReader reader(json.get_object(), "", kRules, nullptr);
    read_numerics(reader, found.call);
    found.status = reader.status();
    return found;
  };
  EXPECT_EQ(read(R"({})").call.is_fast, std::nullopt);
  EXPECT_EQ(read(R"({"numerics":"fast"})").call.is_fast, true);
  EXPECT_EQ(read(R"({"numerics":"default"})").call.is_fast, false);
  for (const char* bad : {R"({"numerics":"exact"})", R"({"numerics":""})", R"({"numerics":1})"}) {
    const Read refused = read(bad);
    ASSERT_FALSE(refused.status.ok()) << bad;
    EXPECT_EQ(refused.status.error().param(), "numerics");
  }
}

TEST(EmbedItems, AreTextsOrIdsAloneOrInLists) {
  EXPECT_FALSE(read_items(R"({"input":"a"})", true).call.is_list);
  EXPECT_EQ(read_items(R"({"input":["a","b"]})", true).call.items.size(), 2u);
  const Read ids = read_items(R"({"input":[1,2]})", true);
  EXPECT_FALSE(ids.call.is_list);
  EXPECT_EQ(std::get<1>(ids.call.items.at(0)), (std::vector<engine::TokenId>{1, 2}));
  EXPECT_EQ(read_items(R"({"input":[[1],"a"]})", true).call.items.size(), 2u);
}

TEST(EmbedItems, AreRefusedByPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "input"},
      {R"({"input":7})", "input"},
      {R"({"input":""})", "input"},
      {R"({"input":[]})", "input"},
      {R"({"input":["a",""]})", "input[1]"},
      {R"({"input":["a",7]})", "input[1]"},
      {R"({"input":[[]]})", "input[0]"},
  };
  for (const auto& [body, param] : cases) {
    const Read read = read_items(body, true);
    ASSERT_FALSE(read.status.ok()) << body;
    EXPECT_EQ(read.status.error().param(), param) << body;
  }
  EXPECT_FALSE(read_items(R"({"input":[1,2]})", false).status.ok());
  EXPECT_FALSE(read_items(R"({"input":[[1]]})", false).status.ok());
}

TEST(PrepareEmbeddings, NamesEachTextAndCutsOnlyWhereAllowed) {
  const auto model = EncoderModel::open(kGolden + "tiny-bert", nullptr);
  ASSERT_TRUE(model.ok());
  std::string text;
  for (int i = 0; i < 200; ++i) text += "x ";
  EmbedCall call;
  call.items = {"short", text};
  const auto refused = prepare_embeddings(**model, call, "input");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().param(), "input[1]");
  call.may_cut = true;
  const auto cut = prepare_embeddings(**model, call, "input");
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ(cut->cut, std::vector<std::string>{"input[1]"});
  EXPECT_EQ(cut->texts.at(1).ids.size(), 128u);
  // A prompt is what it would be if the caller had written it.
  call.items = {"text"};
  const auto prompted = prepare_embeddings(**model, call, "input", "query: ");
  call.items = {"query: text"};
  ASSERT_TRUE(prompted.ok());
  EXPECT_EQ(prompted->texts, prepare_embeddings(**model, call, "input")->texts);
  call.items.assign(kMaxEmbedTexts, text);
  EXPECT_TRUE(prepare_embeddings(**model, call, "input").ok());
  call.items.assign(kMaxEmbedTexts + 400, text);
  const auto too_much = prepare_embeddings(**model, call, "input");
  ASSERT_FALSE(too_much.ok());
  EXPECT_EQ(too_much.error().param(), "input");
}

TEST(Dimensions, AreOnlyWhatTheModelWasTrainedFor) {
  const auto model = EncoderModel::open(kGolden + "tiny-bert", nullptr);
  ASSERT_TRUE(model.ok());
  EmbedCall call;
  EXPECT_TRUE(check_dimensions(**model, call, "dimensions").ok());
  call.dimensions = 32;
  EXPECT_TRUE(check_dimensions(**model, call, "dimensions").ok());
  call.dimensions = 16;
  const Status refused = check_dimensions(**model, call, "parameters.dimension");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kOutOfRange);
  EXPECT_EQ(refused.error().param(), "parameters.dimension");
}

TEST(Shortened, BringsVectorsToLengthOneAgain) {
  const Encoded whole{.values = {3, 4, 12, 0, 0, 1}, .width = 3, .prompt_tokens = 5};
  const Encoded cut = shortened(whole, 2, true);
  EXPECT_EQ(cut.width, 2u);
  EXPECT_EQ(cut.values, (std::vector<float>{0.6f, 0.8f, 0, 0}));
  EXPECT_EQ(cut.prompt_tokens, 5);
  EXPECT_EQ(shortened(whole, 2, false).values, (std::vector<float>{3, 4, 0, 0}));
  EXPECT_EQ(shortened(whole, 3, true).values, whole.values);
  EXPECT_EQ(shortened(whole, std::nullopt, true).values, whole.values);
}

TEST(AppendNumber, ReadsBackAsTheSameBits) {
  uint32_t state = 7;
  for (int i = 0; i < 1000; ++i) {
    state = state * 1664525 + 1013904223;
    const float value = (static_cast<float>(state) - 2e9f) * std::pow(10.0f, static_cast<float>(i % 30) - 20);
    std::string text;
    append_number(text, value);
    float read = 0;
    std::from_chars(text.data(), text.data() + text.size(), read);
    EXPECT_EQ(read, value) << text;
    EXPECT_TRUE(parse_json("[" + text + "]").ok()) << text;  // a number of JSON's too
  }
  std::string list;
  const std::array<float, 2> values = {0.5f, -2};
  append_vector(list, values.data(), values.size());
  EXPECT_EQ(list, "[0.5,-2]");
}

TEST(Ranked, AreBestFirstAndOfEqualOnesTheFirst) {
  RankCall call;
  const Encoded encoded{.values = {0, 100, -1, 100, 200}, .width = 1, .prompt_tokens = 5};
  const auto all = ranked(encoded, call);
  std::vector<size_t> order;
  for (const Ranked& one : all) order.push_back(one.index);
  EXPECT_EQ(order, (std::vector<size_t>{4, 1, 3, 0, 2}));  // 200 before 100, though both scores are 1
  EXPECT_EQ(all[3].score, 0.5);
  call.top_n = 2;
  EXPECT_EQ(ranked(encoded, call).size(), 2u);
}

TEST(RankInput, IsRefusedByPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"documents":["a"]})", "query"},
      {R"({"query":"","documents":["a"]})", "query"},
      {R"({"query":"q"})", "documents"},
      {R"({"query":"q","documents":["a",""]})", "documents[1]"},
      {R"({"query":"q","documents":[{"text":"a"},{"image":"b"}]})", "documents[1].image"},
      {R"({"query":"q","documents":[{}]})", "documents[0].text"},
  };
  for (const auto& [body, param] : cases) {
    RankCall call;
    const auto json = parse_json(body).value();
    FieldReader reader(json.get_object(), "", kRules, nullptr);
    read_rank_input(reader, call);
    ASSERT_FALSE(reader.ok()) << body;
    EXPECT_EQ(reader.status().error().param(), param) << body;
  }
}

}  // namespace
}  // namespace studio::api
