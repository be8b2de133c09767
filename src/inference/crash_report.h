// What is written down when a worker dies by a signal: who, where in the program, and which requests it was running.
//
// A report names requests by id, size and sampling parameters, never by text or token ids, so that it can be shown to
// others. Reports lie in DATA/crashes/, readable by their owner alone, the newest kMaxCrashReports of them.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "inference/flight_recorder.h"
#include "inference/supervisor.h"

namespace studio::inference {

inline constexpr size_t kMaxCrashReports = 32;  // at some 10 KB each; a worker that dies in a loop fills no disk

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
// Returns the file's path. Removes the oldest reports beyond the limit.
Result<std::string> save_crash_report(const std::string& dir, int pid, const std::string& report);
// By age, oldest first; empty where there are none.
std::vector<std::string> list_crash_reports(const std::string& dir);

// Writes reports on a thread of its own: a dead worker is started again without waiting for its obituary.
class CrashReporter {
 public:
  // `program` is the file whose symbols name the stack's functions.
  CrashReporter(std::string dir, std::string program);
  ~CrashReporter();  // what was noted is written

  // Before the supervisor starts: each life of its worker gets a recorder, which is read after its death. The worker is
  // to be told of it (WorkerOptions::recorder_fd = kRecorderFd). The reporter outlives the supervisor.
  void watch(const std::string& model, SupervisorOptions& supervisor);
  // Any thread; never blocks. More than kMaxWaiting at once are dropped and counted in the log.
  void note(const WorkerDeath& death, std::shared_ptr<const FlightMemory> memory);

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace studio::inference
