// Errors as DashScope's clients read them: one table from our codes to status and code.
#pragma once

#include <string>

#include "base/result.h"
#include "http/message.h"

namespace studio::api::dashscope {

int http_status(Code code);

// A model without a thinking switch.
inline constexpr const char* kNoThinkingSwitch = "InvalidParameter.NotSupportEnableThinking";

// {"request_id","code","message"} as compact JSON. `code` overrides the table's.
std::string error_body(const Error& error, const std::string& request_id, const char* code = nullptr);
http::Response error_response(const Error& error, const std::string& request_id, const char* code = nullptr);
// The server's own answers (404, 405, 413, ...), whose status is decided already.
http::Response error_response(int status, const Error& error, const std::string& request_id);

}  // namespace studio::api::dashscope
