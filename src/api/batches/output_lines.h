// Lines of a batch's output and error files.
//
// {"id","custom_id","response":{"status_code","request_id","body"},"error":null}; of a line that failed `error` is
// {"code","message"}, and `response` null where no request came to be.
// Source: the OpenAI API reference, read 2026-11. The vendor's page shows no error line with a response: here it has
// one, so that both readings find what they look for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace studio::api::batches {

// The request id of a line: the same however often it runs. A UUID of the batch's id and the line's number (version 8,
// RFC 9562 5.8).
std::string line_request_id(std::string_view batch_id, int64_t line);

// `body` is JSON, as it was answered. A status other than 200 makes it a line of the error file.
std::string answered_line(std::string_view request_id, std::string_view custom_id, int status, std::string_view body);
// For the error file: the line never ran.
std::string unanswered_line(std::string_view request_id, std::string_view custom_id, std::string_view code,
                            std::string_view message);

}  // namespace studio::api::batches
