// What is written down when a worker dies by a signal: who, where in the program, and which requests it was running.
//
// A report names requests by id, size and sampling parameters, never by text or token ids, so that it can be shown to
// others. crash_reporter.h keeps them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace studio::inference {

struct WorkerDeath {
  std::string model = {};
  int pid = 0;
  int wait_status = 0;  // as waitpid() gives it
  int restarts = 0;
  int64_t lived_ms = 0;
};

// Whether it was a death that a report is written of: by a signal, ours or the kernel's.
bool is_crash(const WorkerDeath& death, std::span<const std::byte> recording);
// JSON. The recording is a dead process's word: every length, count and byte of it is checked.
std::string render_crash_report(const WorkerDeath& death, std::span<const std::byte> recording,
                                const std::string& program);
// A moment in UTC, by the format of strftime().
std::string utc_text(std::chrono::system_clock::time_point when, const char* format);

}  // namespace studio::inference
