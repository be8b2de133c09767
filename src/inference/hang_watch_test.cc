#include "inference/hang_watch.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace studio::inference {
namespace {

using namespace std::chrono_literals;

// Ticks of 100 ms until it hangs; nullopt: not within the limit.
std::optional<std::chrono::milliseconds> hangs_after(HangWatch& watch, std::chrono::milliseconds limit,
                                                     std::optional<ProcessState> state, bool beats, bool moves) {
  uint64_t progress = 0;
  for (auto passed = 100ms; passed <= limit; passed += 100ms) {
    if (beats) watch.beat(true, moves ? ++progress : 0);
    if (watch.tick(100ms, [state] { return state; })) return passed;
  }
  return std::nullopt;
}

TEST(HangWatch, GivesUpAStoppedProcessAtOnceAndASleepingOneAfterASecond) {
  HangWatch stopped, asleep;
  EXPECT_EQ(hangs_after(stopped, 60s, ProcessState::kStopped, false, false), 300ms);
  EXPECT_EQ(hangs_after(asleep, 60s, ProcessState::kAsleep, false, false), 1000ms);
}

TEST(HangWatch, GivesABusyProcessAsLongAsTheSlowestStepTakes) {
  HangWatch silent, standing, unknown;
  EXPECT_EQ(hangs_after(silent, 60s, ProcessState::kBusy, false, false), 20s);
  EXPECT_EQ(hangs_after(standing, 100s, ProcessState::kBusy, true, false), 60s);
  EXPECT_EQ(hangs_after(unknown, 60s, std::nullopt, false, false), 20s);
}

TEST(HangWatch, SeesAnEngineThatSleepsOverItsWork) {
  HangWatch watch;
  EXPECT_EQ(hangs_after(watch, 60s, ProcessState::kAsleep, true, false), 1000ms);
}

TEST(HangWatch, LetsAWorkerBeThatMovesOrHasNothingToDo) {
  HangWatch moving, idle;
  EXPECT_FALSE(hangs_after(moving, 200s, ProcessState::kAsleep, true, true));
  for (int i = 0; i < 2000; ++i) {
    idle.beat(false, 7);
    EXPECT_FALSE(idle.tick(100ms, [] { return ProcessState::kAsleep; }));
  }
}

TEST(HangWatch, NeverComesWithFactorZero) {
  HangWatch watch(HangLimits().scaled(0));
  EXPECT_FALSE(hangs_after(watch, 200s, ProcessState::kStopped, false, false));
}

TEST(ProcessLook, TellsStoppedFromAsleepFromGone) {
  pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  auto becomes = [child](ProcessState wanted) {
    for (int i = 0; i < 500; ++i) {
      if (look_at_process(child) == wanted) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  };
  EXPECT_TRUE(becomes(ProcessState::kAsleep));
  ::kill(child, SIGSTOP);
  EXPECT_TRUE(becomes(ProcessState::kStopped));
  ::kill(child, SIGKILL);
  EXPECT_TRUE(becomes(ProcessState::kGone));
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(look_at_process(child), ProcessState::kGone);
}

TEST(ProcessLook, ReadsTheStateBehindANameOfAnyKind) {
  EXPECT_EQ(thread_state("12 (studio) S 1 2"), 'S');
  EXPECT_EQ(thread_state("12 (a) R) T 1"), 'T');
  EXPECT_EQ(thread_state("12 (a)"), 0);
  EXPECT_EQ(thread_state(""), 0);
}

}  // namespace
}  // namespace studio::inference
