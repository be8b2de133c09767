// What a process of this machine holds of it, read from /proc: memory, descriptors, threads, processor time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace studio {

struct ProcessStats {
  int64_t resident_bytes = 0;
  int64_t virtual_bytes = 0;
  int64_t open_files = -1;  // -1: not ours to see
  int64_t max_files = 0;    // the soft limit
  int64_t threads = 0;
  double cpu_seconds = 0;  // user and system
  double started_at = 0;   // Unix seconds
};

// Nothing where no such process is left. Takes well under a millisecond; any thread.
std::optional<ProcessStats> read_process_stats(pid_t pid);

}  // namespace studio
