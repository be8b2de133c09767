// The worker process: one engine behind the token protocol (docs/formats/token_protocol.md) on a Unix socket.
//
// `studio worker` parses the flags below into WorkerOptions and calls run_worker(). The supervisor builds the same
// command line with worker_arguments(), so flag names stand in one place.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/schedule/engine.h"

namespace studio::inference {

struct WorkerOptions {
  std::string socket_path;         // --socket PATH; created with mode 0600, replaced when stale
  std::string source_path = {};    // --source FILE: what the model was made of, loaded where the model cannot be
  engine::EngineOptions engine;    // --model FILE --threads N --kernels NAME --max-sequences N --max-queue N
                                   // --context N --kv-bytes N --kv-type NAME --prompt-chunk N
                                   // --prefix-folder FOLDER --prefix-file-bytes N --private-prefixes 0|1
                                   // --draft-model FILE
  int recorder_fd = -1;            // --recorder-fd N: memory of the gateway's for the time after a crash; -1: none
  std::string log_level = "info";  // --log-level debug|info|warn|error
};

// The arguments after the program's name, "worker" first.
std::vector<std::string> worker_arguments(const WorkerOptions& options);

// Loads the model, serves until SIGTERM, then drains. Takes over SIGTERM and SIGINT of the process; call from main's
// thread before other threads start. An error means the model could not be loaded or the socket not opened.
Status run_worker(const WorkerOptions& options);

}  // namespace studio::inference
