// Ctrl-C as a flag: while one of these lives, SIGINT sets it instead of ending the program.
#pragma once

#include <signal.h>

#include <atomic>

namespace studio::cli {

class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();  // the former handler is back
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  static const std::atomic<bool>& flag();
  // Readable while the flag is set, for those who wait with poll(): a signal just before the wait is not missed.
  static int poll_fd();
  static void clear();

 private:
  struct sigaction before_{};
};

}  // namespace studio::cli
