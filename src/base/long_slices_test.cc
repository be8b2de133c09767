#include "base/long_slices.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <thread>

namespace studio {
namespace {

TEST(LongSlices, ChangeNeitherClassNorPriority) {
  std::thread([] {  // of its own: nothing sets a slice back
    ASSERT_EQ(setpriority(PRIO_PROCESS, 0, 3), 0);
    compute_in_long_slices();
    EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
    EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 3);
  })
      .join();
}

TEST(LongSlices, LeaveAThreadOfAnotherClassAlone) {
  std::thread([] {
    const sched_param parameter{};
    ASSERT_EQ(sched_setscheduler(0, SCHED_IDLE, &parameter), 0);
    compute_in_long_slices();
    EXPECT_EQ(sched_getscheduler(0), SCHED_IDLE);
  }).join();
}

}  // namespace
}  // namespace studio
