#include "base/file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace studio {
namespace {

class Files : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("studio-file-" + std::to_string(::getpid()));
  }
  void TearDown() override { std::filesystem::remove(path_); }
  std::string path_;
};

TEST_F(Files, UnmappedReadsExactlyWhatIsAskedFor) {
  ASSERT_TRUE(write_file_atomically(path_, "0123456789", 0600).ok());
  auto file = UnmappedFile::open(path_);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->size(), 10u);
  EXPECT_EQ(*file->read(3, 4), (std::vector<uint8_t>{'3', '4', '5', '6'}));
  EXPECT_TRUE(file->read(10, 0)->empty());
  EXPECT_EQ(file->read(8, 3).error().code(), Code::kCorruptData);
  EXPECT_EQ(file->read(11, 0).error().code(), Code::kCorruptData);
  EXPECT_EQ(file->read(1, UINT64_MAX).error().code(), Code::kCorruptData);
}

TEST_F(Files, UnmappedSaysWhenTheFileWasCutMeanwhile) {
  ASSERT_TRUE(write_file_atomically(path_, std::string(10000, 'x'), 0600).ok());
  auto file = UnmappedFile::open(path_);
  ASSERT_TRUE(file.ok());
  std::filesystem::resize_file(path_, 5000);
  EXPECT_TRUE(file->read(0, 5000).ok());
  EXPECT_EQ(file->read(0, 10000).error().message(), "the file was cut short while it was read");
}

TEST_F(Files, UnmappedOpensFilesAlone) {
  EXPECT_EQ(UnmappedFile::open(path_).error().code(), Code::kNotFound);
  EXPECT_EQ(UnmappedFile::open("/tmp").error().message(), "not a regular file");
}

}  // namespace
}  // namespace studio
