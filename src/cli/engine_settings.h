// The settings of a model's worker, and the flags that set them: the same for serve, chat, run and bench.
#pragma once

#include "cli/arguments.h"
#include "cli/command.h"
#include "inference/worker.h"

namespace studio::cli {

void declare_engine_flags(Arguments& arguments, Arguments::Settings* settings);

// socket_path and model_path stay empty. Errors: invalid_argument for a kernel set this machine lacks.
Result<inference::WorkerOptions> worker_options(const Config& config);

// A short, private folder for sockets (their paths are limited to about 100 bytes): DATA/run, or one under /tmp where
// DATA is too deep. Made with mode 0700.
Result<std::string> make_run_dir(const std::string& data_dir);

}  // namespace studio::cli
