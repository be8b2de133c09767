// One member of a wheel, which is a zip file from outside: nothing in it is believed before it is counted.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace studio::catalogue {

// Hands the member's bytes to `take` piece by piece, at most limit_bytes of them; no name in the archive is ever used
// as a path. Errors: corrupt_data (no zip file, no such member, damaged, larger than the limit), or take's own.
// After an error some bytes may have been taken.
Status read_member(const std::string& wheel, const std::string& member, int64_t limit_bytes,
                   const std::function<Status(std::string_view)>& take);

}  // namespace studio::catalogue
