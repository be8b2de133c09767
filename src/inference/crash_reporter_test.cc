#include "inference/crash_reporter.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace studio::inference {
namespace {

TEST(CrashReporter, KeepsTheNewestForItsOwnerAlone) {
  std::string dir = std::filesystem::temp_directory_path() / ("studio_crashes_" + std::to_string(::getpid()));
  std::string path;
  for (int pid = 1; pid <= static_cast<int>(kMaxCrashReports) + 5; ++pid) {
    auto saved = save_crash_report(dir, 1000 + pid, "{}\n");
    ASSERT_TRUE(saved.ok());
    path = *saved;
  }
  EXPECT_EQ(list_crash_reports(dir).size(), kMaxCrashReports);
  EXPECT_EQ(list_crash_reports(dir).back(), path);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat(dir.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace studio::inference
