#include "cli/key_weights.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace studio::cli {
namespace {

class KeyWeights : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = std::filesystem::temp_directory_path() / "key_weights_XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    folder_ = path;
    ring_ = keys::KeyRing::open_folder(folder_).value();
  }
  void TearDown() override {
    ring_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::string folder_;
  std::shared_ptr<keys::KeyRing> ring_;
};

TEST_F(KeyWeights, AreThoseOfTheNamedKeys) {
  const std::string nightly = ring_->make("nightly").value().info.key_id;
  const std::string odd = ring_->make("a=b").value().info.key_id;
  const std::string other = ring_->make("other").value().info.key_id;
  const auto weight_of = weights_of_keys({"nightly=7", "a=b=100", "later=2"}, ring_).value();
  EXPECT_EQ(weight_of(nightly), 7);
  EXPECT_EQ(weight_of(odd), 100);
  EXPECT_EQ(weight_of(other), 1);
  EXPECT_EQ(weight_of("key_of_nobody"), 1);
  EXPECT_EQ(weight_of(ring_->make("later").value().info.key_id), 2);
}

TEST_F(KeyWeights, AreRefusedWhereTheyMakeNoSense) {
  for (const char* entry : {"nightly", "=3", "nightly=", "nightly=0", "nightly=101", "nightly=-1", "nightly=2x"}) {
    const auto refused = weights_of_keys({entry}, ring_);
    ASSERT_FALSE(refused.ok()) << entry;
    EXPECT_NE(refused.error().message().find(entry), std::string::npos);
  }
  EXPECT_FALSE(weights_of_keys({"a=1", "a=2"}, ring_).ok());
  EXPECT_FALSE(weights_of_keys({}, ring_).value());
}

}  // namespace
}  // namespace studio::cli
