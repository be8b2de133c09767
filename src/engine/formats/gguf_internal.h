// Shared by the reader's own files: how errors speak of foreign names, and the sizes of metadata values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/formats/gguf.h"

namespace studio::engine {

inline Error corrupt(std::string message) {
  return Error(Code::kCorruptData, "GGUF: " + std::move(message));
}

// A name out of the file in quotes, fit for a log line or an answer: printable ASCII stays, the rest is \xNN, and what
// is over 80 bytes is cut.
std::string quoted(std::string_view name);

// Bytes of one value; 0 for strings and arrays, whose size the file says.
uint64_t fixed_size(GgufType type);

}  // namespace studio::engine
