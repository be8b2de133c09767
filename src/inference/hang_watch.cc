#include "inference/hang_watch.h"

namespace studio::inference {

using std::chrono::milliseconds;

HangLimits HangLimits::scaled(int factor) const {
  auto by = [factor](milliseconds limit) { return factor == 0 ? milliseconds::max() : limit * factor; };
  return {by(look_after), by(asleep_for), by(silent_for), by(standing_for)};
}

void HangWatch::start() {
  silent_ = standing_ = milliseconds(0);
  looks_ = busy_looks_ = 0;
}

void HangWatch::beat(bool has_work, uint64_t progress) {
  silent_ = milliseconds(0);
  if (!has_work || progress != progress_) standing_ = milliseconds(0);
  progress_ = progress;
}

std::optional<std::string> HangWatch::tick(milliseconds passed,
                                           const std::function<std::optional<ProcessState>()>& look) {
  silent_ += passed;
  standing_ += passed;
  if (quiet() < limits_.look_after) {
    looks_ = busy_looks_ = 0;
    return std::nullopt;
  }
  std::optional<ProcessState> state = look ? look() : std::nullopt;
  if (state == ProcessState::kStopped && silent_ >= limits_.look_after) return "it is stopped";
  ++looks_;
  if (!state || *state == ProcessState::kBusy) ++busy_looks_;
  // The thread of the pulse is seen awake now and then; a computing engine is so nearly always.
  if (quiet() >= limits_.asleep_for && busy_looks_ * 4 < looks_) {
    return silent_ >= limits_.asleep_for ? "it sleeps and sends no pulse" : "its engine sleeps over its work";
  }
  if (silent_ >= limits_.silent_for) return "it sends no pulse";
  if (standing_ >= limits_.standing_for) return "its engine does not move";
  return std::nullopt;
}

}  // namespace studio::inference
