#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <chrono>
#include <numeric>
#include <vector>

namespace studio {
namespace {

class ThreadPoolTest : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, testing::Values(1, 2, 3, 8));

TEST_P(ThreadPoolTest, VisitsEveryItemOnceWhateverTheChunk) {
  ThreadPool pool(GetParam());
  for (int64_t items : {0, 1, 2, 7, 64, 1000}) {
    for (int64_t chunk : {1, 3, 64, 5000}) {
      std::vector<int> visits(static_cast<size_t>(items), 0);  // unguarded: ranges are disjoint
      pool.parallel_for(items, chunk, [&](int64_t begin, int64_t end, int thread) {
        EXPECT_EQ(begin % chunk, 0);
        EXPECT_LT(thread, pool.threads());
        for (int64_t i = begin; i < end; ++i) ++visits[static_cast<size_t>(i)];
      });
      EXPECT_EQ(visits, std::vector<int>(static_cast<size_t>(items), 1));
    }
  }
}

TEST_P(ThreadPoolTest, MakesWritesVisibleFromLoopToLoop) {
  ThreadPool pool(GetParam());
  std::vector<int64_t> values(97, 0);
  for (int round = 0; round < 2000; ++round) {
    // Each item reads its neighbour's value of the round before, written by whichever thread had it.
    std::vector<int64_t> next(values.size());
    pool.parallel_for(static_cast<int64_t>(values.size()), 2, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        next[static_cast<size_t>(i)] = values[static_cast<size_t>(i + 1) % values.size()] + 1;
      }
    });
    values = next;
  }
  EXPECT_EQ(std::accumulate(values.begin(), values.end(), int64_t{0}), 2000 * 97);
}

TEST_P(ThreadPoolTest, CutsHugeLoopsIntoLargerMultiplesOfTheChunk) {
  ThreadPool pool(GetParam());
  constexpr int64_t kItems = 1'000'003;
  std::vector<char> seen(kItems, 0);
  pool.parallel_for(kItems, 2, [&](int64_t begin, int64_t end, int) {
    EXPECT_EQ(begin % 2, 0);
    for (int64_t i = begin; i < end; ++i) seen[static_cast<size_t>(i)] = 1;
  });
  EXPECT_EQ(std::accumulate(seen.begin(), seen.end(), int64_t{0}), kItems);
}

TEST_P(ThreadPoolTest, WorksAgainAfterItsThreadsWentToSleep) {
  ThreadPool pool(GetParam());
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int64_t> sum{0};
    pool.parallel_for(100, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) sum += i;
    });
    EXPECT_EQ(sum.load(), 4950);
  }
}

// The owner goes to where the other thread was, as a kernel may move it: the other one leaves.
TEST(ThreadPool, KeepsItsThreadsOffTheOwnersProcessor) {
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
  if (CPU_COUNT(&allowed) < 2) GTEST_SKIP() << "one processor";
  ThreadPool pool(2);
  const auto go_to = [](int processor) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    return sched_setaffinity(0, sizeof(one), &one) == 0;
  };
  ASSERT_TRUE(go_to(sched_getcpu()));
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> inside{0};
    int processors[2] = {-1, -1};
    pool.parallel_for(2, 1, [&](int64_t, int64_t, int thread) {
      ++inside;
      while (inside.load() < 2) sched_yield();  // each thread has one of the two items
      processors[thread] = sched_getcpu();
    });
    EXPECT_NE(processors[0], processors[1]) << "round " << round;
    ASSERT_TRUE(go_to(processors[1]));
  }
  sched_setaffinity(0, sizeof(allowed), &allowed);
}

TEST(ThreadPool, UsesNoProcessorTimeWhenIdle) {
  ThreadPool pool(2);
  pool.parallel_for(100, 1, [](int64_t, int64_t, int) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the spin time is over
  auto cpu_time = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
  };
  const auto before = cpu_time();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(cpu_time() - before, 20'000);  // microseconds of 200,000
}

}  // namespace
}  // namespace studio
