// Work on foreign bytes in a child process that can do nothing else: what takes it over has the sandbox's files and its
// own memory, and what kills it kills no one else.
//
// The child says only how it ended, in words that are checked before they are believed. It dies with its parent.
#pragma once

#include <functional>
#include <vector>

#include "base/result.h"
#include "base/sandbox.h"

namespace studio {

// Runs `work` in a child made by fork(), inside enter_sandbox(files): call it while this process has one thread.
// `on_layers` is called there first, and told of the layers that are off too. What the work wrote to standard output
// and error stands; its memory is gone. Errors: the work's own; corrupt_data where a signal ended it; internal where
// the kernel has a layer and refuses it.
Status run_confined(const SandboxFiles& files, const std::function<void(const std::vector<SandboxLayer>&)>& on_layers,
                    const std::function<Status()>& work);

}  // namespace studio
