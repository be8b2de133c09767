#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
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

// Whatever happens to a file, its identity is another one.
TEST_F(Files, UnmappedKnowsWhetherTheFileChanged) {
  ASSERT_TRUE(write_file_atomically(path_, "0123456789", 0600).ok());
  const auto identity = [&] { return UnmappedFile::open(path_)->identity(); };
  auto file = UnmappedFile::open(path_);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(identity(), file->identity());
  EXPECT_TRUE(file->is_unchanged());
  EXPECT_EQ(identity().size, 10u);

  // A time that was set back shows in the other one, which nobody sets.
  const struct timespec past[2] = {{1'000'000, 0}, {1'000'000, 5}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path_.c_str(), past, 0), 0);
  EXPECT_EQ(identity().modified_ns, 1'000'000'000'000'005);
  EXPECT_GT(identity().changed_ns, 1'000'000'000'000'005);
  EXPECT_FALSE(file->is_unchanged());

  const FileIdentity before = identity();
  std::filesystem::resize_file(path_, 5);
  EXPECT_NE(identity(), before);
  ASSERT_TRUE(write_file_atomically(path_, "01234", 0600).ok());
  EXPECT_NE(identity().inode, before.inode);
}

TEST_F(Files, UnmappedOpensFilesAlone) {
  EXPECT_EQ(UnmappedFile::open(path_).error().code(), Code::kNotFound);
  EXPECT_EQ(UnmappedFile::open("/tmp").error().message(), "not a regular file");
}

}  // namespace
}  // namespace studio
