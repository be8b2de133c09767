// How fast a full queue moves: what Retry-After says to who finds no room.
//
// A place in the queue is free when a running sequence ends, so the mean time between two ends, of late, is the answer.
// One per engine; the caller's lock guards it.
#pragma once

#include <algorithm>
#include <chrono>

namespace studio::engine {

class QueuePace {
 public:
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::duration<double, std::milli>;

  // Less asks for storms of retries, more gives an idle server away.
  static constexpr std::chrono::milliseconds kShortest{1'000}, kLongest{60'000};

  // The first sequence after a pause: the pause is no time between ends.
  void begin(Clock::time_point now) { last_end_ = now; }

  void note_ends(int ended, Clock::time_point now) {
    if (ended <= 0) return;
    Milliseconds between = Milliseconds(now - last_end_) / ended;
    constexpr double kWeight = 0.2;  // of the newest: some five ends are remembered
    mean_ = has_mean_ ? mean_ * (1 - kWeight) + between * kWeight : between;
    has_mean_ = true;
    last_end_ = now;
  }

  // Until the queue has room again. A queue that has stood still for longer than its mean moves no faster than that.
  std::chrono::milliseconds until_room(Clock::time_point now) const {
    Milliseconds still = now - last_end_;
    Milliseconds wait = has_mean_ ? std::max(mean_, still) : still;
    return std::clamp(std::chrono::ceil<std::chrono::milliseconds>(wait), kShortest, kLongest);
  }

 private:
  Milliseconds mean_{0};
  bool has_mean_ = false;
  Clock::time_point last_end_{};
};

}  // namespace studio::engine
