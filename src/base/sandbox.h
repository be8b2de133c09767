// What a process may still do once it handles foreign bytes: its own memory, the descriptors it holds, and the files it
// was told of. For a worker (model files are strangers' work) and an importer.
//
// Two layers, each taken for good and inherited by every thread and child made later:
//   files   Landlock: only the paths given, and never to execute.
//   calls   seccomp: an allow-list. No new sockets, no connect, no exec, no fork, no ptrace, no signals to others, no
//           memory that is newly executable; what is not listed fails with EPERM.
// A kernel without one of them is no error: the layer says that it is off and why, for the log and `studio doctor`.
//
// Sources: landlock(7), seccomp(2) of the Linux manual pages; include/uapi/linux/landlock.h up to ABI 6.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace studio {

struct SandboxLayer {
  bool is_on = false;
  std::string detail;  // "Landlock 6", or why it is off
};

struct SandboxFiles {
  std::vector<std::string> readable;  // files, or folders with what is in them; a link counts with its target
  std::vector<std::string> writable;  // folders: files are made, written, renamed and removed in them
  std::vector<std::string> sockets;   // folders: Unix sockets are made and removed in them, nothing else
};

// Restricts the calling thread and those it makes later: call it before others start. A path that is not there is no
// error; it just stays closed. Errors: internal, where the kernel has Landlock and refuses these rules.
Result<SandboxLayer> restrict_files(const SandboxFiles& files);

enum class FileCalls {
  kNone,  // every file is open already: open() itself is gone
  kSome,  // as restrict_files() left them
};
// Restricts all threads of the process. Errors: internal, where the kernel has seccomp and refuses the filter.
Result<SandboxLayer> restrict_calls(FileCalls file_calls);

// No core dump (it would hold prompts and keys), no locked memory, at most so many descriptors.
Status limit_resources(int most_descriptors);

// All of it at once, for a process that opens its files later: an importer (confined_child.h). The layers are files,
// calls.
Result<std::vector<SandboxLayer>> enter_sandbox(const SandboxFiles& files, int most_descriptors = 64);

// What this kernel gives, without entering: for `studio doctor`.
std::vector<SandboxLayer> sandbox_support();

// False in builds with a sanitizer: its runtime opens files, starts a symbolizer and traces its threads at the end.
bool sandbox_fits_build();

}  // namespace studio
