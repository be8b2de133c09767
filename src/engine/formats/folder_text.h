// The small text files of a model folder, read whole and bounded; errors name the file.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/result.h"

namespace studio::engine {

Result<std::string> read_folder_text(const std::string& folder, const std::string& name, size_t limit_bytes);
// The same of a file that need not be there.
Result<std::optional<std::string>> read_optional_text(const std::string& folder, const std::string& name,
                                                      size_t limit_bytes);

}  // namespace studio::engine
