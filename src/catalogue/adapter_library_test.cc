#include "catalogue/adapter_library.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace studio::catalogue {
namespace {

namespace fs = std::filesystem;

class AdapterLibraryTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(fs::is_directory(data_)); }
  void TearDown() override { fs::remove_all(data_); }

  static std::string new_folder() {
    std::string path = fs::temp_directory_path() / "studio_adapter_library_XXXXXX";
    return ::mkdtemp(path.data()) != nullptr ? path : "";
  }

  Result<LocalAdapter> publish(const std::string& model, const std::string& name,
                               const std::string& bytes = "factors") {
    const AdapterName full{model, name};
    STUDIO_CHECK_OK(library_.prepare(full));
    STUDIO_TRY(const std::string staging, library_.make_staging(full));
    std::ofstream(staging + "/file") << bytes;
    return library_.publish(staging + "/file",
                            {.model = model, .name = name, .source = "./here", .store = "int16", .added_at = 7});
  }

  const std::string data_ = new_folder();
  AdapterLibrary library_{data_};
};

TEST_F(AdapterLibraryTest, WhatIsPublishedIsFoundAndListed) {
  EXPECT_TRUE(library_.list()->empty());
  ASSERT_TRUE(publish("m", "b").ok());
  ASSERT_TRUE(publish("m", "a").ok());
  auto published = publish("k", "z");
  ASSERT_TRUE(published.ok()) << published.error().message();
  auto found = library_.find("k", "z");
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(found->full_name(), "k:z");
  EXPECT_EQ(found->sha256, published->sha256);
  EXPECT_EQ(found->bytes, 7);
  EXPECT_EQ(found->store, "int16");
  EXPECT_EQ(found->added_at, 7);
  const auto all = library_.list();
  ASSERT_TRUE(all.ok());
  std::vector<std::string> names;
  for (const LocalAdapter& adapter : *all) names.push_back(adapter.full_name());
  EXPECT_EQ(names, (std::vector<std::string>{"k:z", "m:a", "m:b"}));
  EXPECT_EQ(library_.list_of("m")->size(), 2u);
  EXPECT_TRUE(library_.list_of("nothing")->empty());
}

TEST_F(AdapterLibraryTest, ANameIsTakenOnce) {
  ASSERT_TRUE(publish("m", "a").ok());
  EXPECT_EQ(publish("m", "a").error().code(), Code::kConflict);
  ASSERT_TRUE(library_.remove("m", "a").ok());
  EXPECT_EQ(library_.find("m", "a").error().code(), Code::kNotFound);
  EXPECT_EQ(library_.remove("m", "a").error().code(), Code::kNotFound);
  EXPECT_TRUE(publish("m", "a", "others").ok());
}

TEST_F(AdapterLibraryTest, AFileOfAnotherSizeIsNotTheOneDescribed) {
  auto published = publish("m", "a");
  ASSERT_TRUE(published.ok());
  std::ofstream(published->path, std::ios::app) << "more";
  EXPECT_EQ(library_.find("m", "a").error().code(), Code::kCorruptData);
  EXPECT_TRUE(library_.list()->empty());
  EXPECT_TRUE(library_.remove("m", "a").ok());
}

TEST_F(AdapterLibraryTest, DescriptionsThatAreNoneAreNotBelieved) {
  auto published = publish("m", "a");
  ASSERT_TRUE(published.ok());
  for (const char* text : {"", "[]", "{}", R"({"sha256":"x","bytes":7})", R"({"sha256":7,"bytes":"7"})"}) {
    std::ofstream(data_ + "/adapters/m/a.json", std::ios::trunc) << text;
    EXPECT_EQ(library_.find("m", "a").error().code(), Code::kCorruptData) << text;
  }
}

TEST(AdapterName, IsAModelAndAName) {
  EXPECT_EQ(parse_adapter_name("m:a")->adapter, "a");
  EXPECT_EQ(parse_adapter_name("./dir:x/m.gguf:a")->model, "./dir:x/m.gguf");
  for (const char* text : {"", "m", ":a", "m:", "m:../a", "m:a b", "m:a/b"}) {
    EXPECT_FALSE(parse_adapter_name(text).ok()) << text;
  }
}

TEST_F(AdapterLibraryTest, NamesThatLeaveTheFolderAreRefused) {
  EXPECT_FALSE(publish("../m", "a").ok());
  EXPECT_FALSE(library_.find("..", "a").ok());
  EXPECT_FALSE(library_.remove("m", "../a").ok());
}

}  // namespace
}  // namespace studio::catalogue
