// An adapter as engines take it: a GGUF file of the type "adapter", whatever the adapter came from.
//
// Rows of q and k stand in the order of the base, each matrix has its scale (kLoraScalesKey), the factors are F32, and
// kLoraStorageKey says how an engine is to keep them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "engine/formats/lora_source.h"

namespace studio::engine {

// The bytes of the file. `source` with its data. Errors: corrupt_data naming a matrix that holds a value which is not
// finite.
Result<std::vector<uint8_t>> write_lora(const LoraSource& source, LoraStorage storage);

}  // namespace studio::engine
