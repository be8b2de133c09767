// Shared by the reader's own files: how errors speak of foreign names, and the sizes of metadata values.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "engine/formats/model_source.h"
#include "engine/formats/source_error.h"

namespace studio::engine {

inline Error corrupt(std::string message) {
  return Error(Code::kCorruptData, "GGUF: " + std::move(message));
}

// Bytes of one value; 0 for strings and arrays, whose size the file says.
uint64_t fixed_size(GgufType type);

}  // namespace studio::engine
