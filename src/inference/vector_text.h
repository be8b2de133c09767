// Vectors as text: base64 of their f32 in little-endian order (RFC 4648, section 4, with padding), as OpenAI's clients
// and the token protocol have them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace studio::inference {

std::string to_base64(std::span<const float> values);
// Errors: invalid_argument where it is no base64 of whole f32, or more than `limit` of them.
Result<std::vector<float>> from_base64(std::string_view text, size_t limit);

}  // namespace studio::inference
