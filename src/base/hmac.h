// HMAC with SHA-256 (RFC 2104): what only who has the key can make of a message. A pure function: any thread.
#pragma once

#include <string_view>

#include "base/digest.h"

namespace studio {

Sha256Digest hmac_sha256(std::string_view key, std::string_view message);

}  // namespace studio
