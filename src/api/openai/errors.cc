#include "api/openai/errors.h"

#include <boost/json.hpp>

#include "api/serving/wording.h"
#include "base/json.h"

namespace studio::api::openai {
namespace {

struct Row {
  int status;
  const char* type;
  const char* code;
};

// A switch without default: a new code does not compile until it has a row.
Row row_of(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
      return {400, "invalid_request_error", "invalid_parameter_error"};
    case Code::kOutOfRange:
      return {400, "invalid_request_error", "invalid_value"};
    case Code::kUnauthenticated:
      return {401, "invalid_request_error", "invalid_api_key"};
    case Code::kPermissionDenied:
      return {403, "invalid_request_error", "access_denied"};
    case Code::kNotFound:
      return {404, "invalid_request_error", "not_found"};
    case Code::kConflict:
      return {409, "invalid_request_error", "conflict"};
    case Code::kQuotaExceeded:
      return {429, "limit_requests", "limit_requests"};
    case Code::kOverloaded:
      return {503, "server_error", "overloaded"};
    case Code::kFailedPrecondition:
      return {422, "invalid_request_error", "failed_precondition"};
    case Code::kPayloadTooLarge:
      return {413, "invalid_request_error", "payload_too_large"};
    case Code::kCancelled:
      return {499, "invalid_request_error", "request_cancelled"};
    case Code::kDeadlineExceeded:
      return {504, "server_error", "request_timeout"};
    case Code::kUnavailable:
      return {503, "server_error", "model_unavailable"};
    case Code::kCorruptData:
      return {500, "internal_server_error", "internal_error"};
    case Code::kUnimplemented:
      return {400, "invalid_request_error", "unsupported_parameter"};
    case Code::kInternal:
      return {500, "internal_server_error", "internal_error"};
  }
  return {500, "internal_server_error", "internal_error"};
}

const char* code_of(const Error& error) {
  if (error.code() == Code::kNotFound && error.param() == "model") return "model_not_found";
  // It stopped a worker twice: inference/suspects.
  if (error.code() == Code::kFailedPrecondition && error.param() == "prompt") return "request_quarantined";
  return row_of(error.code()).code;
}

}  // namespace

int http_status(Code code) {
  return row_of(code).status;
}

std::string error_body(const Error& error, const std::string& request_id, const char* code) {
  boost::json::object object{{"message", error.message()},
                             {"type", row_of(error.code()).type},
                             {"param", nullptr},
                             {"code", code ? code : code_of(error)}};
  if (!error.param().empty()) object["param"] = error.param();
  return to_json(boost::json::object{{"error", std::move(object)}, {"request_id", request_id}});
}

http::Response error_response(const Error& error, const std::string& request_id, const char* code) {
  int status = http_status(error.code());
  http::Response response = http::Response::json(status, error_body(error, request_id, code));
  add_retry_after(error, response);
  return response;
}

http::Response error_response(int status, const Error& error, const std::string& request_id) {
  http::Response response = http::Response::json(status, error_body(error, request_id));
  add_retry_after(error, response);
  return response;
}

}  // namespace studio::api::openai
