// Keeps one worker process running: starts it, starts it again when it dies, stops it at the end.
//
// A worker dies with its supervisor (PR_SET_PDEATHSIG), so none is left behind even by kill -9. It lives in a process
// group of its own, so that Ctrl-C in a terminal reaches the gateway alone, which then drains.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace studio::inference {

struct SupervisorOptions {
  std::string name;                    // of the model, for logs
  std::string program;                 // path of the studio binary
  std::vector<std::string> arguments;  // after the program's name
  // Waited after a death, unless the life was a good one, after which the next begins at once: doubled each time up to
  // the second.
  std::chrono::milliseconds first_backoff{100};
  std::chrono::milliseconds longest_backoff{5'000};
  // Both on the supervisor's thread. Before each start: a descriptor that the worker gets as kRecorderFd; -1: none.
  std::function<int()> recorder_fd;
  // After each end that nobody asked for, with the status of waitpid(); must not block.
  std::function<void(int pid, int wait_status, std::chrono::milliseconds lived)> on_end;
};

class Supervisor {
 public:
  // Errors: unavailable when the process cannot be started at all.
  static Result<std::unique_ptr<Supervisor>> start(SupervisorOptions options);
  virtual ~Supervisor() = default;  // stop() without grace

  virtual int restarts() const = 0;
  // Lives in a row that ended of themselves (an exit, a fault; not by SIGKILL or SIGTERM, which come from outside) and
  // were not good: as often as it failed to load its model. 0 once one is good.
  virtual int failed_loads() const = 0;
  // How the process last ended ("exit status 1", "signal 9"); empty while none has.
  virtual std::string last_end() const = 0;
  virtual int pid() const = 0;  // 0 between lives
  virtual void kill() = 0;      // SIGKILL: it comes back
  // This life got as far as to serve: its end is no reason to wait with the next.
  virtual void note_good_life() = 0;
  // SIGTERM, then SIGKILL after the grace. Idempotent; no restart after it.
  virtual void stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace studio::inference
