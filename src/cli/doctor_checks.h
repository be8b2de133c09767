// What `studio doctor` looks at. A check is a function from facts to findings; one more check is one more line in
// doctor.cc. Checks change nothing, neither files nor processes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "catalogue/library.h"
#include "cli/command.h"

namespace studio::cli {

enum class Verdict {
  kGood,
  kNote,     // worth knowing; nothing is wrong
  kWarning,  // works, but worse than it could, or soon no longer
  kFailure,  // something does not work
};

struct Finding {
  Verdict verdict = Verdict::kGood;
  std::string check;   // "data folder": the same word for good and ill
  std::string text;    // what is the case
  std::string why;     // why it matters; empty where all is good
  std::string remedy;  // what to do about it, a command where there is one
};

inline Finding good(std::string check, std::string text) {
  return {Verdict::kGood, std::move(check), std::move(text), "", ""};
}

// ---- the machine (doctor_machine.cc)

struct MachineFacts {
  int cores = 0;
  std::string kernels;  // the set that would be chosen
  bool has_vector_kernels = true;
  std::string kernel_obstacles;  // why not faster ones
  int64_t memory_available = 0;  // bytes
  int64_t memory_limit = 0;      // of the control group; 0: none
  int64_t unix_time = 0;
  bool is_clock_synchronised = true;
  uint64_t open_files = 0;       // that a process may have, as things are
  uint64_t open_files_most = 0;  // that it may be given without more rights
  std::string huge_pages;        // "always", "madvise", "never"; empty: the kernel does not say
  bool has_seccomp = true, has_landlock = true, has_pidfd = true;
};
struct ModelSize {
  std::string name;
  int64_t bytes = 0;
};

MachineFacts read_machine();
// `largest` is the biggest model that is here; without a name there is none.
std::vector<Finding> check_machine(const MachineFacts& facts, const ModelSize& largest);

// ---- files (doctor_data.cc)

std::vector<Finding> check_data_folder(const std::string& data_dir);
Finding check_key(const std::string& data_dir, const std::string& key_file);
std::vector<Finding> check_models(const catalogue::Library& library, bool is_deep, Output& output);
std::vector<Finding> check_crashes(const std::string& crash_dir, int64_t unix_time);

// ---- the address and the server on it (doctor_server.cc)

// `running` is the address of the server of this data folder that answers; empty: none does.
std::vector<Finding> check_server(const std::string& data_dir, const std::string& running);
Finding check_listen(const std::string& listen, bool is_default, const std::string& running);
// Who listens on a TCP port of this machine: "python3 (process 4711)"; "another process" where /proc does not tell;
// empty where nobody does.
std::string listener_on(uint16_t port);

}  // namespace studio::cli
