#include "catalogue/hub_repository.h"

#include <gtest/gtest.h>

#include <string>

namespace studio::catalogue {
namespace {

TEST(HubRepository, ReadsNamesOfRepositories) {
  auto plain = parse_repository_name("hf:Qwen/Qwen2.5-0.5B-Instruct");
  ASSERT_TRUE(plain.ok() && *plain);
  EXPECT_EQ((*plain)->source.kind, SourceKind::kHuggingface);
  EXPECT_EQ((*plain)->source.repo, "Qwen/Qwen2.5-0.5B-Instruct");
  EXPECT_EQ((*plain)->source.revision, "main");
  EXPECT_EQ(own_name(**plain), "Qwen2.5-0.5B-Instruct");
  auto whole = parse_repository_name("modelscope:Qwen/Q-GGUF/q4_k_m.gguf@v1.0");
  ASSERT_TRUE(whole.ok() && *whole) << whole.error().message();
  EXPECT_EQ((*whole)->source.repo, "Qwen/Q-GGUF");
  EXPECT_EQ((*whole)->source.revision, "v1.0");
  EXPECT_EQ((*whole)->file, "q4_k_m.gguf");
  EXPECT_EQ(own_name(**whole), "q4_k_m");
  auto name = parse_repository_name("qwen2.5-coder-0.5b-instruct");
  ASSERT_TRUE(name.ok());
  EXPECT_FALSE(name->has_value());
  for (const char* wrong : {"hf:", "hf:Qwen", "hf:/x", "hf:Qwen/", "hf:../x", "hf:Qwen/..", "hf:a/b@", "hf:a/b@../c",
                            "hf:a/b/c.bin", "hf:a/b/../c.gguf", "hf:a/b/c/d.gguf", "hf:a b/c", "hf:a/b?x=1"}) {
    EXPECT_FALSE(parse_repository_name(wrong).ok()) << wrong;
  }
}

TEST(HubRepository, ReadsBothHubsLists) {
  const std::string digest(64, 'a');
  auto listed = parse_listing(SourceKind::kHuggingface,
                              R"([{"type":"file","path":"config.json","size":7},{"type":"directory","path":"onnx"},
      {"type":"file","path":"model.safetensors","size":9,"lfs":{"oid":")" +
                                  digest + R"(","size":9}},
      {"type":"file","path":"../evil","size":1},{"type":"file","path":"a/b","size":1},{"type":"file","path":".git","size":1}])");
  ASSERT_TRUE(listed.ok()) << listed.error().message();
  ASSERT_EQ(listed->size(), 2u);
  EXPECT_EQ((*listed)[1].sha256, digest);
  EXPECT_EQ((*listed)[1].bytes, 9);
  auto other = parse_listing(SourceKind::kModelscope,
                             R"({"Code":200,"Data":{"Files":[{"Type":"blob","Path":"config.json","Size":7,"Sha256":")" +
                                 digest + R"("},{"Type":"tree","Path":"x"}]}})");
  ASSERT_TRUE(other.ok()) << other.error().message();
  ASSERT_EQ(other->size(), 1u);
  EXPECT_EQ((*other)[0].sha256, digest);
  EXPECT_FALSE(parse_listing(SourceKind::kModelscope, "[]").ok());
  EXPECT_FALSE(parse_listing(SourceKind::kHuggingface, R"({"error":"x"})").ok());
  EXPECT_FALSE(
      parse_listing(SourceKind::kHuggingface, R"([{"type":"file","path":"a"},{"type":"file","path":"a"}])").ok());
}

TEST(HubRepository, ChoosesWhatMakesAModel) {
  RepositoryName folder{.source = {.repo = "O/N"}, .file = {}};
  std::vector<ModelFile> files = {
      {.name = "README.md"}, {.name = "config.json"}, {.name = "m-1.safetensors"}, {.name = "tokenizer.json"}};
  auto chosen = choose_files(files, folder);
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(chosen->size(), 3u);
  std::vector<ModelFile> gguf = {{.name = "README.md"}, {.name = "a.gguf"}, {.name = "b.gguf"}};
  EXPECT_NE(choose_files(gguf, folder).error().message().find("O/N/a.gguf"), std::string::npos);
  RepositoryName one{.source = {.repo = "O/N"}, .file = "b.gguf"};
  ASSERT_TRUE(choose_files(gguf, one).ok());
  EXPECT_EQ((*choose_files(gguf, one))[0].name, "b.gguf");
  one.file = "c.gguf";
  EXPECT_NE(choose_files(gguf, one).error().message().find("a.gguf, b.gguf"), std::string::npos);
  EXPECT_FALSE(choose_files({}, folder).ok());
}

}  // namespace
}  // namespace studio::catalogue
