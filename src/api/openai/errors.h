// Errors as OpenAI's clients read them: one table from our codes to status, type and code.
#pragma once

#include <string>

#include "base/result.h"
#include "http/message.h"

namespace studio::api::openai {

int http_status(Code code);

// The code of an over-long prompt; clients that shorten and try again look for it.
inline constexpr const char* kContextLengthExceeded = "context_length_exceeded";
// A model without a thinking switch; the original's own code.
inline constexpr const char* kNoThinkingSwitch = "InvalidParameter.NotSupportEnableThinking";

// {"error":{"message","type","param","code"},"request_id"} as compact JSON. `code` overrides the table's.
std::string error_body(const Error& error, const std::string& request_id, const char* code = nullptr);
http::Response error_response(const Error& error, const std::string& request_id, const char* code = nullptr);
// The server's own answers (404, 405, 413, ...), whose status is decided already.
http::Response error_response(int status, const Error& error, const std::string& request_id);

}  // namespace studio::api::openai
