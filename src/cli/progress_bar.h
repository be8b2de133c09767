// Progress of long work: a bar with rate and time left on a terminal, a plain line now and then elsewhere.
//
//   download  ███████████▌          56 %  275 of 491 MB   23.4 MB/s   9 s left
//
// Threads: one at a time, as catalogue::Progress asks.
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <utility>

#include "catalogue/progress.h"
#include "cli/output.h"

namespace studio::cli {

// What one line shows; rate is in bytes a second, 0 while unknown.
struct ProgressState {
  std::string what;
  int64_t done = 0, total = 0;
  double rate = 0;
};

std::string progress_line(const ProgressState& state, int columns);  // with a bar, within the width
std::string progress_sentence(const ProgressState& state);           // "download: 56 % of 491 MB, 23.4 MB/s, 9 s left"
std::string human_duration(double seconds);                          // "9 s", "3 min 20 s", "2 h 5 min"

class ProgressBar final : public catalogue::Progress {
 public:
  explicit ProgressBar(Output& output);
  ~ProgressBar() override;

  void begin(const std::string& what, int64_t done, int64_t total) override;
  void update(int64_t done) override;
  void end() override;
  void note(const std::string& text) override;

 private:
  using Clock = std::chrono::steady_clock;
  void draw(bool is_last);
  void clear_line();

  Output& output_;
  bool is_terminal_;
  bool is_running_ = false;
  ProgressState state_;
  Clock::time_point began_, last_draw_;
  int64_t began_at_ = 0;                                       // bytes that were there before
  std::deque<std::pair<Clock::time_point, int64_t>> samples_;  // of the last seconds, for the rate
};

}  // namespace studio::cli
