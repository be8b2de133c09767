// A folder that goes with its test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace studio::store {

class TestFolder {
 public:
  TestFolder() {
    char name[] = "/tmp/studio_store_XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  const std::string& path() const { return path_; }
  // A folder inside.
  std::string inner(const char* name) const {
    std::filesystem::create_directory(path_ + "/" + name);
    return path_ + "/" + name;
  }

 private:
  std::string path_;
};

}  // namespace studio::store
