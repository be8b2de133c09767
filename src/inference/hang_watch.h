// Tells whether a worker hangs, from its pulse and from what the kernel says of its process.
//
// Two kinds of quiet: no pulse comes, or pulses come and the engine has work and does not move. Either alone proves
// little on a busy machine, so within the quiet the process is looked at: a stopped one hangs at once, one that sleeps
// while it ought to compute hangs after a second, and one that is busy is given as long as the slowest honest step
// takes. Pure: time comes in by tick(). One thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "inference/process_look.h"

namespace studio::inference {

struct HangLimits {
  // Three pulses missed: from here the process is looked at, and a stopped one is given up.
  std::chrono::milliseconds look_after{300};
  // A process seen asleep through this much quiet will not wake up.
  std::chrono::milliseconds asleep_for{1'000};
  // Busy, or nothing is known of the process. No pulse: its thread needs a core for microseconds.
  std::chrono::milliseconds silent_for{20'000};
  // The engine's progress moves with each matrix. One of 8192 x 29568 with 512 columns takes 25 s at 10 GFLOP/s.
  std::chrono::milliseconds standing_for{60'000};

  HangLimits scaled(int factor) const;  // 0: never hung
};

class HangWatch {
 public:
  explicit HangWatch(HangLimits limits = {}) : limits_(limits) {}

  void start();  // a new process
  void beat(bool has_work, uint64_t progress);
  // `passed`: since the last tick, as far as we ran ourselves. `look` is asked only within a quiet. Returns how it
  // hangs.
  std::optional<std::string> tick(std::chrono::milliseconds passed,
                                  const std::function<std::optional<ProcessState>()>& look);
  // For how long nothing was heard, or nothing moved.
  std::chrono::milliseconds quiet() const { return std::max(silent_, standing_); }

 private:
  const HangLimits limits_;
  std::chrono::milliseconds silent_{0}, standing_{0};
  uint64_t progress_ = 0;
  int looks_ = 0, busy_looks_ = 0;  // of this quiet
};

}  // namespace studio::inference
