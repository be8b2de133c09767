// What a caller without a valid key is told beside the refusal: that the key is in a place that nobody reads, or that
// keys of its form open another door, and which. It looks at the request's form alone, so it tells nothing of keys.
#pragma once

#include <string>

#include "http/message.h"

namespace studio::api {

// A sentence with a blank before it, or nothing.
std::string key_hint(const http::Request& request);

}  // namespace studio::api
