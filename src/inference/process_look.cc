#include "inference/process_look.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace studio::inference {

char thread_state(std::string_view stat_line) {
  // "PID (NAME) STATE ...": the name ends at the last bracket.
  size_t name_end = stat_line.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 >= stat_line.size()) return 0;
  return stat_line[name_end + 2];
}

std::optional<ProcessState> look_at_process(int pid) {
  std::error_code error;
  std::filesystem::directory_iterator tasks("/proc/" + std::to_string(pid) + "/task", error);
  if (error)
    return std::filesystem::exists("/proc/self/task", error) ? std::optional(ProcessState::kGone) : std::nullopt;
  int threads = 0, stopped = 0, dead = 0;
  for (; tasks != std::filesystem::directory_iterator(); tasks.increment(error)) {
    if (error) return ProcessState::kGone;  // it ended under our eyes
    std::ifstream file(tasks->path() / "stat");
    std::string line;
    if (!std::getline(file, line)) continue;
    ++threads;
    char state = thread_state(line);
    if (state == 'R' || state == 'D') return ProcessState::kBusy;
    if (state == 'T') ++stopped;
    if (state == 'Z' || state == 'X') ++dead;
  }
  if (threads == dead) return ProcessState::kGone;
  return stopped > 0 ? ProcessState::kStopped : ProcessState::kAsleep;
}

}  // namespace studio::inference
