#include "catalogue/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "base/digest.h"
#include "catalogue/builtin.h"
#include "catalogue/hub.h"
#include "catalogue/wheel.h"

namespace studio::catalogue {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& text) {
  auto catalogue = Catalogue::parse(text);
  return catalogue.ok() ? "accepted" : catalogue.error().message();
}

// One model whose fields the test chooses.
std::string with_model(const std::string& fields) {
  return R"({"schema": 1, "models": [{)" + fields + "}]}";
}

const std::string kGood = R"("name": "m", "aliases": ["short"], "snapshot": "2025-01-02",
    "files": [{"name": "m.gguf", "bytes": 3}], "sources": [{"kind": "url", "url": "https://h/m"}])";

TEST(BuiltinCatalogue, ReadsAndHoldsTheDefaultModel) {
  auto catalogue = Catalogue::parse(builtin_catalogue());
  ASSERT_TRUE(catalogue.ok()) << catalogue.error().message();
  const Model* model = catalogue->find("qwen2.5-coder-0.5b-instruct");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->total_bytes(), 491'400'064);
  EXPECT_EQ(model->sources.back().kind, SourceKind::kPypi);
  EXPECT_NE(catalogue->find(kBuiltinModelName), nullptr);
}

TEST(BuiltinCatalogue, EveryModelOnAHubNamesModelscopeFirstAndPackagesLast) {
  auto catalogue = Catalogue::parse(builtin_catalogue());
  ASSERT_TRUE(catalogue.ok());
  for (const Model& model : catalogue->models()) {
    for (size_t i = 1; i < model.sources.size(); ++i) {
      EXPECT_LT(model.sources[i - 1].kind, model.sources[i].kind) << model.name;
    }
    EXPECT_FALSE(model.licence.empty()) << model.name;
    EXPECT_FALSE(model.summary.empty()) << model.name;
  }
}

TEST(BuiltinModel, IsAGguf) {
  auto bytes = builtin_model();
  ASSERT_GT(bytes.size(), 4u);
  EXPECT_EQ(std::string(bytes.begin(), bytes.begin() + 4), "GGUF");
}

TEST(Catalogue, FindsByNameAliasAndSnapshot) {
  auto catalogue = Catalogue::parse(with_model(kGood));
  ASSERT_TRUE(catalogue.ok()) << catalogue.error().message();
  for (const char* name : {"m", "short", "m-2025-01-02"}) EXPECT_NE(catalogue->find(name), nullptr) << name;
  EXPECT_EQ(catalogue->find("n"), nullptr);
}

TEST(Catalogue, NamesWhatIsWrongAndWhere) {
  EXPECT_THAT(refusal(R"({"models": []})"), HasSubstr("schema: expected 1"));
  EXPECT_EQ(refusal(with_model(kGood + R"(, "licens": "MIT")")),
            "models[0].licens: unknown field; did you mean 'licence'?");
  EXPECT_EQ(refusal(with_model(R"("name": "../m")")), "models[0].name: expected letters, digits, '.', '-' and '_'");
  EXPECT_EQ(refusal(with_model(R"("name": "m", "files": [{"name": "m", "sha256": "12"}])")),
            "models[0].files[0].sha256: expected 64 hexadecimal digits");
  EXPECT_EQ(refusal(with_model(R"("name": "m", "files": [{"name": "../m"}])")),
            "models[0].files[0].name: expected a relative path without '..'");
  EXPECT_THAT(refusal(with_model(R"("name": "m", "files": [{"name": "m"}], "sources": [{"kind": "ftp"}])")),
              HasSubstr("models[0].sources[0].kind: expected modelscope"));
  EXPECT_THAT(refusal(with_model(R"("name": "m", "files": [{"name": "m", "bytes": -1}])")),
              HasSubstr("models[0].files[0].bytes: expected a whole number"));
  EXPECT_THAT(refusal(R"({"schema": 1, "models": [{)" + kGood + "},{" + kGood + "}]}"), HasSubstr("stands twice"));
}

TEST(Catalogue, UserEntriesReplaceTheBuiltInOnes) {
  std::string path = testing::TempDir() + "/user_catalogue.json";
  std::ofstream(path) << R"({"schema": 1, "models": [{"name": "tiny", "summary": "mine", "files": [{"name": "t"}],
                             "sources": [{"kind": "file", "path": "/t"}]}]})";
  auto catalogue = Catalogue::load(path);
  ASSERT_TRUE(catalogue.ok()) << catalogue.error().message();
  EXPECT_EQ(catalogue->find("tiny")->summary, "mine");
  EXPECT_NE(catalogue->find("qwen3-0.6b"), nullptr);

  std::ofstream(path) << "{";
  auto broken = Catalogue::load(path);
  ASSERT_FALSE(broken.ok());
  EXPECT_THAT(broken.error().message(), HasSubstr(path + ": "));
}

TEST(Catalogue, DamagedListsAreRefusedOrHarmless) {
  const std::string good(builtin_catalogue());
  std::mt19937 random(7);
  for (int i = 0; i < 1'000; ++i) {
    std::string text = good;
    for (unsigned edits = 1 + random() % 4; edits > 0; --edits) {
      text[random() % text.size()] = static_cast<char>(random() % 256);
    }
    (void)refusal(text);
  }
}

TEST(ModelName, IsSafeAsAFileName) {
  for (const char* good : {"a", "qwen2.5-coder-0.5b", "A_b"}) EXPECT_TRUE(is_model_name(good)) << good;
  for (const char* bad : {"", ".", "..", "a/b", ".hidden", "a..b", "-x", "x-", "a b", "\xC3\xA9"}) {
    EXPECT_FALSE(is_model_name(bad)) << bad;
  }
  EXPECT_FALSE(is_model_name(std::string(97, 'a')));
}

TEST(Hub, AddressesFollowTheHubsPaths) {
  HubSettings settings{.huggingface = "http://mirror.example/", .huggingface_token = "hf_secret"};
  ModelFile file{.name = "a b/m.gguf", .bytes = 7};
  Source source{.kind = SourceKind::kModelscope, .repo = "Qwen/Q", .revision = "master"};
  EXPECT_EQ(request_for(source, file, settings).url, "https://modelscope.cn/models/Qwen/Q/resolve/master/a%20b/m.gguf");
  EXPECT_EQ(request_for(source, file, settings).bearer, "");
  EXPECT_FALSE(request_for(source, file, settings).allow_private);

  source.kind = SourceKind::kHuggingface;
  EXPECT_EQ(request_for(source, file, settings).url, "http://mirror.example/Qwen/Q/resolve/master/a%20b/m.gguf");
  EXPECT_EQ(request_for(source, file, settings).bearer, "hf_secret");
  EXPECT_TRUE(request_for(source, file, settings).allow_private);
}

TEST(Wheel, PatternsNumberTheParts) {
  EXPECT_EQ(fill_pattern("p-{n}/{nn}/{file}", 3, "f"), "p-3/03/f");
  EXPECT_EQ(fill_pattern("p-{n}/{nn}", 12, "f"), "p-12/12");
}

}  // namespace
}  // namespace studio::catalogue
