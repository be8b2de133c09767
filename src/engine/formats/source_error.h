// How errors of a model folder's readers name the file at fault.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace studio::engine {

// A name out of the file in quotes, fit for a log line or an answer: printable ASCII stays, the rest is \xNN, and what
// is over 80 bytes is cut.
std::string quoted(std::string_view name);

// The same error, its message led by the file's name without its folder; the whole path is the detail.
Error in_file(const std::string& path, Error error);

}  // namespace studio::engine
