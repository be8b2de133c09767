// Another program, run to its end: output collected, watched on every tick, ended when the watcher says so or when this
// process dies.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace studio {

struct SubprocessOptions {
  std::vector<std::string> command;                                   // [0] is looked up on the PATH
  std::vector<std::pair<std::string, std::string>> environment = {};  // over this process's own
  std::chrono::milliseconds tick{100};
};

struct SubprocessResult {
  int exit_code = 0;   // 127: no such program; negative: ended by that signal
  std::string output;  // standard output and error together, the last 64 KiB
};

// on_tick answers whether to go on; false ends the program (SIGTERM, then SIGKILL).
Result<SubprocessResult> run_subprocess(const SubprocessOptions& options, const std::function<bool()>& on_tick);

}  // namespace studio
