// What the kernel says of another process: whether it computes, waits for a core, waits for the disk, sleeps or stands.
//
// Tells a worker that is slow, because the machine is busy or its prompt long, from one that will never answer.
#pragma once

#include <optional>
#include <string_view>

namespace studio::inference {

enum class ProcessState {
  kBusy,     // a thread of it runs, or would if a core were free, or reads from disk
  kAsleep,   // every thread waits for something
  kStopped,  // SIGSTOP; under a debugger does not count
  kGone,
};

// Reads /proc; nullopt where that cannot be read.
std::optional<ProcessState> look_at_process(int pid);

// The state letter of a /proc/PID/task/TID/stat line, 0 where the line is none: the name in it may hold anything.
char thread_state(std::string_view stat_line);

}  // namespace studio::inference
