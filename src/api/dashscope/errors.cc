#include "api/dashscope/errors.h"

#include <boost/json.hpp>

#include "api/serving/wording.h"
#include "base/json.h"

namespace studio::api::dashscope {
namespace {

struct Row {
  int status;
  const char* code;
};

// A switch without default: a new code does not compile until it has a row.
Row row_of(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
    case Code::kUnimplemented:
      return {400, "InvalidParameter"};
    case Code::kUnauthenticated:
      return {401, "InvalidApiKey"};
    case Code::kPermissionDenied:
      return {403, "AccessDenied"};
    case Code::kNotFound:
      return {404, "NotFound"};
    case Code::kConflict:
      return {409, "Conflict"};
    case Code::kPayloadTooLarge:
      return {413, "BadRequest.TooLarge"};
    case Code::kFailedPrecondition:
      return {422, "UnsupportedOperation"};
    case Code::kQuotaExceeded:
      return {429, "Throttling.RateQuota"};
    case Code::kCancelled:
      return {499, "ClientDisconnect"};
    case Code::kOverloaded:
      return {503, "ModelServingError"};
    case Code::kUnavailable:
      return {503, "ModelUnavailable"};
    case Code::kDeadlineExceeded:
      return {504, "RequestTimeOut"};
    case Code::kCorruptData:
    case Code::kInternal:
      return {500, "InternalError"};
  }
  return {500, "InternalError"};
}

const char* code_of(const Error& error) {
  if (error.code() == Code::kNotFound && error.param() == "model") return "ModelNotFound";
  return row_of(error.code()).code;
}

http::Response response_of(int status, const Error& error, std::string body) {
  http::Response response = http::Response::json(status, std::move(body));
  add_retry_after(error, response);
  return response;
}

}  // namespace

int http_status(Code code) {
  return row_of(code).status;
}

std::string error_body(const Error& error, const std::string& request_id, const char* code) {
  return to_json(boost::json::object{
      {"request_id", request_id}, {"code", code ? code : code_of(error)}, {"message", error.message()}});
}

http::Response error_response(const Error& error, const std::string& request_id, const char* code) {
  return response_of(http_status(error.code()), error, error_body(error, request_id, code));
}

http::Response error_response(int status, const Error& error, const std::string& request_id) {
  return response_of(status, error, error_body(error, request_id));
}

}  // namespace studio::api::dashscope
