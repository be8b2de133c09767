// A folder for one test, and files of pages in it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/kv/prefix_file.h"

namespace studio::engine {

class TestFolder {
 public:
  TestFolder() : path_(testing::TempDir() + "studio-prefixes-XXXXXX") {
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);  // with mode 0700
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline Result<PrefixFile> attach_file(const std::string& path, const PrefixFile::Shape& shape) {
  return PrefixFile::attach(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), shape);
}

inline PrefixAddress identity_of(uint8_t which) {
  PrefixAddress identity{};
  identity.fill(which);
  return identity;
}

}  // namespace studio::engine
