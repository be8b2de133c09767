// The small model as a Hugging Face folder of safetensors.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace studio::hostile {

// All files of it, the weights in so many. Matrices are F32, F16 and BF16 in turn.
Status write_folder(const std::string& folder, uint64_t shards);

}  // namespace studio::hostile
