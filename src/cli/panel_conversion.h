// A model of any kind into a panel file, for `import` and for panels that are kept (catalogue/kept_panels.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/kernels/kernel_set.h"

namespace studio::cli {

// The folders and files of the machine that conversion reads besides the model.
inline const std::vector<std::string> kConversionReads = {"/proc/meminfo", "/proc/cpuinfo", "/sys/fs/cgroup",
                                                          "/sys/devices/system"};

// Writes `staged`, and loads it once: what the engine cannot load is told now, not when somebody serves it. To be
// called in the sandbox; `kernels` are chosen outside, as it lets nobody ask the kernel for tiles of AMX. Errors: those
// of engine::open_model, engine::import_panels and engine::load_model.
Status convert_to_panels(const std::string& from, const std::string& staged, const std::string& quantise, int threads,
                         const engine::KernelSet& kernels,
                         const std::function<void(int64_t done, int64_t total)>& on_bytes);

}  // namespace studio::cli
