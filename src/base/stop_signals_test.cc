#include "base/stop_signals.h"

#include <gtest/gtest.h>

#include <thread>

namespace studio {
namespace {

bool blocks_here(int signal) {
  sigset_t mask;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  return sigismember(&mask, signal) == 1;
}

TEST(StopSignals, AThreadMadeInsideTheBlockKeepsThemBlocked) {
  bool there_term = false, there_int = false, there_other = true;
  std::thread made;
  {
    StopSignalsBlocked blocked;
    made = std::thread([&] {
      there_term = blocks_here(SIGTERM);
      there_int = blocks_here(SIGINT);
      there_other = blocks_here(SIGUSR1);
    });
  }
  made.join();
  EXPECT_TRUE(there_term && there_int);
  EXPECT_FALSE(there_other);
  EXPECT_FALSE(blocks_here(SIGTERM)) << "the maker's own mask comes back";
}

}  // namespace
}  // namespace studio
