#include "api/anthropic/errors.h"

#include <boost/json.hpp>

#include "api/serving/wording.h"
#include "base/json.h"

namespace studio::api::anthropic {
namespace {

constexpr int kOverloaded = 529;  // the dialect's own status; its clients try again after it

struct Row {
  int status;
  const char* type;
};

// A switch without default: a new code does not compile until it has a row.
Row row_of(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
    case Code::kUnimplemented:
      return {400, "invalid_request_error"};
    case Code::kUnauthenticated:
      return {401, "authentication_error"};
    case Code::kPermissionDenied:
      return {403, "permission_error"};
    case Code::kNotFound:
      return {404, "not_found_error"};
    case Code::kConflict:
      return {409, "invalid_request_error"};
    case Code::kPayloadTooLarge:
      return {413, "request_too_large"};
    case Code::kFailedPrecondition:
      return {422, "invalid_request_error"};
    case Code::kQuotaExceeded:
      return {429, "rate_limit_error"};
    case Code::kCancelled:
      return {499, "invalid_request_error"};
    case Code::kOverloaded:
      return {kOverloaded, "overloaded_error"};
    case Code::kUnavailable:
      return {503, "api_error"};
    case Code::kDeadlineExceeded:
      return {504, "timeout_error"};
    case Code::kCorruptData:
    case Code::kInternal:
      return {500, "api_error"};
  }
  return {500, "api_error"};
}

}  // namespace

int http_status(Code code) {
  return row_of(code).status;
}

std::string error_body(const Error& error, const std::string& request_id) {
  boost::json::object object{{"type", row_of(error.code()).type}, {"message", error.message()}};
  return to_json(boost::json::object{{"type", "error"}, {"error", std::move(object)}, {"request_id", request_id}});
}

http::Response error_response(const Error& error, const std::string& request_id) {
  return error_response(http_status(error.code()), error, request_id);
}

http::Response error_response(int status, const Error& error, const std::string& request_id) {
  http::Response response = http::Response::json(status, error_body(error, request_id));
  add_retry_after(error, response);
  add_request_id(response, request_id);
  return response;
}

void add_request_id(http::Response& response, const std::string& request_id) {
  response.fields.add("request-id", request_id);
}

}  // namespace studio::api::anthropic
