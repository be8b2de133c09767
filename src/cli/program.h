// The whole program: words in, exit code out.
#pragma once

#include <string>
#include <vector>

namespace studio::cli {

// Call from main's thread before any other is started. Ignores SIGPIPE.
int run_program(const std::vector<std::string>& words);

}  // namespace studio::cli
