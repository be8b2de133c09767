#include "base/process_stats.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>
#include <thread>

namespace studio {
namespace {

TEST(ProcessStats, TellsOfThisProcess) {
  std::thread([] {}).join();  // a sanitizer starts one of its own beside the first
  auto before = read_process_stats(::getpid());
  ASSERT_TRUE(before);
  EXPECT_GT(before->resident_bytes, 1 << 20);
  EXPECT_GE(before->virtual_bytes, before->resident_bytes);
  EXPECT_GT(before->max_files, 0);
  EXPECT_GE(before->cpu_seconds, 0);
  EXPECT_NEAR(before->started_at, static_cast<double>(std::time(nullptr)), 600);

  int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  std::thread waiting([] { ::usleep(200'000); });
  auto after = read_process_stats(::getpid());
  waiting.join();
  ::close(fd);
  EXPECT_EQ(after->open_files, before->open_files + 1);
  EXPECT_EQ(after->threads, before->threads + 1);
}

TEST(ProcessStats, SaysNothingOfAProcessThatIsGone) {
  EXPECT_FALSE(read_process_stats(1 << 30));
}

}  // namespace
}  // namespace studio
