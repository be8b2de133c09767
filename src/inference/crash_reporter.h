// Keeps crash reports: a file for each worker that died by a signal, in DATA/crashes/, readable by its owner alone, the
// newest kMaxCrashReports of them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "inference/crash_report.h"
#include "inference/flight_recorder.h"
#include "inference/supervisor.h"

namespace studio::inference {

inline constexpr size_t kMaxCrashReports = 32;  // at some 10 KB each; a worker that dies in a loop fills no disk

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
