// The signals that end a process of ours in good order: SIGTERM, SIGINT and SIGHUP, taken by sigwait() instead of a
// handler.
#pragma once

#include <signal.h>

namespace studio {

// Blocks them in the calling thread and in every thread it makes later, and lets writes to a closed socket fail with an
// error instead of SIGPIPE. Call it from main's thread before others start; then wait for the set it returns.
sigset_t block_stop_signals();

// Blocks them in the calling thread while it lives: for a thread that is made before the wait may begin, such as the
// log's and the store's. One such thread with the signals open would take them by default, which ends the process.
class StopSignalsBlocked {
 public:
  StopSignalsBlocked();
  ~StopSignalsBlocked();
  StopSignalsBlocked(const StopSignalsBlocked&) = delete;
  StopSignalsBlocked& operator=(const StopSignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace studio
