// Errors as Anthropic's clients read them: one table from our codes to status and type.
#pragma once

#include <string>

#include "base/result.h"
#include "http/message.h"

namespace studio::api::anthropic {

int http_status(Code code);

// {"type":"error","error":{"type","message"},"request_id"} as compact JSON.
std::string error_body(const Error& error, const std::string& request_id);
http::Response error_response(const Error& error, const std::string& request_id);
// The server's own answers (404, 405, 413, ...), whose status is decided already.
http::Response error_response(int status, const Error& error, const std::string& request_id);

// Every answer of this dialect names its request in the field `request-id`, which its clients show.
void add_request_id(http::Response& response, const std::string& request_id);

}  // namespace studio::api::anthropic
