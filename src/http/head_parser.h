// Heads parsed into our own types, by Boost.Beast. The one place that includes it.
//
// A request's head has passed check_request_head() before it comes here; a response's comes from a server of ours or a
// vetted upstream.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace studio::http {

// Fills method, path, query and fields. `head` ends with its empty line.
Result<Request> parse_request_head(std::string_view head);

struct ResponseHead {
  int status = 0;
  Fields fields;
  bool chunked = false;
  bool has_length = false;  // neither: the body ends with the connection
  uint64_t content_length = 0;
};
// Errors: corrupt_data.
Result<ResponseHead> parse_response_head(std::string_view head);

}  // namespace studio::http
