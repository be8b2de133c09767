// A model from its path, whatever it is: a GGUF file, a panel file, or a folder of safetensors.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/formats/model_source.h"

namespace studio::engine {

// All of it, its tensors mapped: for the process that computes. A file cut short while it is mapped ends that process
// with a signal (SIGBUS), as every mapped file would.
Result<ModelSource> open_model(const std::string& path);

// Metadata, and names, types and shapes of all tensors, but no tensor's data: for whoever must outlive a bad file.
// Nothing is mapped.
Result<ModelSource> read_model_head(const std::string& path);

}  // namespace studio::engine
