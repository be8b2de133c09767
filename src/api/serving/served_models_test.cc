#include "api/serving/served_models.h"

#include <gtest/gtest.h>

namespace studio::api {
namespace {

std::vector<std::string> names(const std::vector<ServedModelPtr>& models) {
  std::vector<std::string> names;
  for (const ServedModelPtr& model : models) names.push_back(model->name);
  return names;
}

class ServedModelsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    models_.add({.name = "small", .aliases = {"s", "s:latest"}, .created = 1, .text = nullptr});
    models_.add({.name = "large", .aliases = {}, .created = 2, .text = nullptr});
  }
  void add(const std::string& base, const std::string& adapter, const std::string& digest) {
    auto added = models_.add_adapter(*models_.find(base), adapter, digest, 3);
    ASSERT_TRUE(added.ok()) << added.error().message();
  }
  ServedModels models_;
};

TEST_F(ServedModelsTest, AnAdapterAnswersToItsNameOnAnyNameOfItsBase) {
  add("small", "sql", "d1");
  for (const char* name : {"small:sql", "s:sql", "default:sql"}) {
    auto found = models_.find(name);
    ASSERT_TRUE(found.ok()) << name;
    EXPECT_EQ((*found)->name, "small:sql");
    EXPECT_EQ((*found)->base, "small");
    EXPECT_EQ((*found)->adapter, "d1");
  }
  EXPECT_EQ((*models_.find("s:latest"))->name, "small");
  EXPECT_EQ((*models_.find("default"))->name, "small");
}

TEST_F(ServedModelsTest, AnAdapterStandsOnItsOwnBaseAlone) {
  add("small", "sql", "d1");
  for (const char* name : {"large:sql", "sql", ":sql", "small:", "small:sql:x", "small:SQL"}) {
    auto found = models_.find(name);
    ASSERT_FALSE(found.ok()) << name;
    EXPECT_EQ(found.error().code(), Code::kNotFound);
    EXPECT_EQ(found.error().param(), "model");
  }
  EXPECT_NE(models_.find("small:sqi").error().message().find("small:sql"), std::string::npos);
}

TEST_F(ServedModelsTest, AdaptersComeBehindTheirBaseByName) {
  add("large", "b", "d1");
  add("small", "z", "d2");
  add("large", "a", "d3");
  EXPECT_EQ(names(models_.all()), (std::vector<std::string>{"small", "small:z", "large", "large:a", "large:b"}));
  EXPECT_EQ(names(models_.bases()), (std::vector<std::string>{"small", "large"}));
  EXPECT_EQ(names(models_.adapters_of("large")), (std::vector<std::string>{"large:a", "large:b"}));
}

TEST_F(ServedModelsTest, OneThatIsRemovedIsGoneForNewRequestsOnly) {
  add("small", "sql", "d1");
  EXPECT_EQ(models_.add_adapter(*models_.find("small"), "sql", "d2", 3).error().code(), Code::kConflict);
  const ServedModelPtr held = *models_.find("small:sql");
  auto removed = models_.remove_adapter("small:sql");
  ASSERT_TRUE(removed.ok());
  EXPECT_EQ((*removed)->adapter, "d1");
  EXPECT_FALSE(models_.find("small:sql").ok());
  EXPECT_EQ(models_.remove_adapter("small:sql").error().code(), Code::kNotFound);
  EXPECT_EQ(models_.remove_adapter("small").error().code(), Code::kNotFound);
  EXPECT_EQ(held->name, "small:sql");
}

TEST_F(ServedModelsTest, AModelIsFoundByWhatItIsFor) {
  const std::string golden = std::string(STUDIO_SOURCE_DIR) + "/tests/golden/encoders/";
  for (const char* name : {"tiny-bert", "tiny-ranker"}) {
    auto encoder = inference::EncoderModel::open(golden + name, nullptr);
    ASSERT_TRUE(encoder.ok()) << encoder.error().message();
    models_.add(
        {.name = name, .aliases = {std::string(name) + "-1"}, .created = 3, .text = nullptr, .encoder = *encoder});
  }
  EXPECT_EQ((*models_.find("tiny-bert-1", ModelKind::kVectors))->name, "tiny-bert");
  EXPECT_EQ((*models_.find("tiny-ranker", ModelKind::kScores))->name, "tiny-ranker");
  EXPECT_EQ((*models_.find("large", ModelKind::kText))->name, "large");
  EXPECT_EQ((*models_.find("default", ModelKind::kVectors))->name, "tiny-bert");
  EXPECT_EQ((*models_.find("default", ModelKind::kText))->name, "small");
  const auto refused = models_.find("tiny-ranker", ModelKind::kText);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(refused.error().param(), "model");
  EXPECT_EQ(
      refused.error().message(),
      "The model 'tiny-ranker' ranks documents (POST /v1/reranks); this request needs one that writes text: small, "
      "large.");
  EXPECT_EQ(models_.find("nobody", ModelKind::kText).error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace studio::api
