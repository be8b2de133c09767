// The signals that end a process of ours in good order: SIGTERM and SIGINT, taken by sigwait() instead of a handler.
#pragma once

#include <signal.h>

namespace studio {

// Blocks them in the calling thread and in every thread it makes later, and lets writes to a closed socket fail with an
// error instead of SIGPIPE. Call it from main's thread before others start; then wait for the set it returns.
sigset_t block_stop_signals();

}  // namespace studio
