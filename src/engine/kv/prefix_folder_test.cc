#include "engine/kv/prefix_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "engine/kv/prefix_file_for_test.h"

namespace studio::engine {
namespace {

namespace fs = std::filesystem;

PrefixFile::Shape shape_of(uint8_t identity) {
  return {.identity = identity_of(identity), .page_bytes = 256, .limit_bytes = 1 << 16};
}

std::set<std::string> names_in(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

mode_t mode_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777;
}

std::string name_of(uint8_t identity) {
  return to_hex(identity_of(identity)).substr(0, 32) + ".pages";
}

TEST(PrefixFolder, EachWorkerOfAModelHasAFileAndFindsOneAgain) {
  const TestFolder folder;
  {
    const auto first = open_prefix_file(folder.path(), shape_of(1)),
               second = open_prefix_file(folder.path(), shape_of(1));
    const auto other = open_prefix_file(folder.path(), shape_of(2));
    ASSERT_TRUE(first.ok() && second.ok() && other.ok());
    EXPECT_EQ(names_in(folder.path()).size(), 3u);
    for (const std::string& name : names_in(folder.path())) EXPECT_EQ(mode_of(folder.file(name)), 0600u);
  }
  ASSERT_TRUE(open_prefix_file(folder.path(), shape_of(1)).ok());
  EXPECT_EQ(names_in(folder.path()).size(), 3u);
}

TEST(PrefixFolder, WorkersBeyondTheLimitGoWithout) {
  const TestFolder folder;
  std::vector<Result<PrefixFile>> files;
  for (int i = 0; i < kMaxPrefixFiles; ++i) {
    files.push_back(open_prefix_file(folder.path(), shape_of(1)));
    ASSERT_TRUE(files.back().ok());
  }
  const auto refused = open_prefix_file(folder.path(), shape_of(1));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kOverloaded);
}

TEST(PrefixFolder, NoFolderOrOneThatOthersMayLookIntoIsRefused) {
  const TestFolder folder;
  EXPECT_FALSE(open_prefix_file(folder.file("missing"), shape_of(1)).ok());
  for (const auto mode : {0750, 0701, 0704}) {
    ::chmod(folder.path().c_str(), static_cast<mode_t>(mode));
    const auto refused = open_prefix_file(folder.path(), shape_of(1));
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), Code::kPermissionDenied);
    EXPECT_TRUE(names_in(folder.path()).empty());
  }
}

TEST(PrefixFolder, AFileThatOthersMayReadIsClosedAndALinkIsNotFollowed) {
  const TestFolder folder;
  const std::string path = folder.file(name_of(1));
  std::ofstream(path) << "anything";
  ::chmod(path.c_str(), 0644);
  ASSERT_TRUE(open_prefix_file(folder.path(), shape_of(1)).ok());
  EXPECT_EQ(mode_of(path), 0600u);

  fs::remove(path);
  std::ofstream(folder.file("elsewhere")) << "precious";
  fs::create_symlink(folder.file("elsewhere"), path);
  const auto refused = open_prefix_file(folder.path(), shape_of(1));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(fs::file_size(folder.file("elsewhere")), 8u);

  fs::remove(path);
  fs::create_directory(path);
  EXPECT_FALSE(open_prefix_file(folder.path(), shape_of(1)).ok());
}

TEST(PrefixFolder, OfIdleFilesTheLatestAreKept) {
  const TestFolder folder;
  const auto now = fs::file_time_type::clock::now();
  const auto in_use = open_prefix_file(folder.path(), shape_of(100));
  fs::last_write_time(folder.file(name_of(100)), now - std::chrono::hours(1000));
  std::set<std::string> expected = {name_of(100), name_of(1), "notes.txt"};
  std::ofstream(folder.file("notes.txt")) << "not ours";
  for (uint8_t i = 10; i < 10 + kMaxIdlePrefixFiles + 3; ++i) {
    std::ofstream(folder.file(name_of(i))) << "x";
    fs::last_write_time(folder.file(name_of(i)), now - std::chrono::hours(100 - i));
    if (i >= 13) expected.insert(name_of(i));
  }
  ASSERT_TRUE(open_prefix_file(folder.path(), shape_of(1)).ok());
  EXPECT_EQ(names_in(folder.path()), expected);
}

}  // namespace
}  // namespace studio::engine
