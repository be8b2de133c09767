// The caller's own name for a request, taken from a header and told in the answer and the log.
//
// Ours (Request::request_id) stays the one that is billed and unique: a caller that tries again sends the same name
// twice. Only what cannot be text is taken, because it goes to the log: a UUID, a trace id, or other hexadecimal
// digits.
#pragma once

#include <string>

#include "http/message.h"

namespace studio::http {

inline constexpr const char* kClientRequestIdHeader = "X-Client-Request-Id";
inline constexpr size_t kMinClientRequestIdBytes = 8;
inline constexpr size_t kMaxClientRequestIdBytes = 64;  // two trace ids and room for dashes

// Of X-Client-Request-Id, else of X-Request-Id; empty where neither holds such a name.
std::string client_request_id(const Fields& fields);

}  // namespace studio::http
