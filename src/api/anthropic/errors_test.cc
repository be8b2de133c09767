#include "api/anthropic/errors.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/json.h"

namespace studio::api::anthropic {
namespace {

constexpr Code kAllCodes[] = {
    Code::kInvalidArgument,    Code::kOutOfRange,      Code::kUnauthenticated, Code::kPermissionDenied,
    Code::kNotFound,           Code::kConflict,        Code::kQuotaExceeded,   Code::kOverloaded,
    Code::kFailedPrecondition, Code::kPayloadTooLarge, Code::kCancelled,       Code::kDeadlineExceeded,
    Code::kUnavailable,        Code::kCorruptData,     Code::kUnimplemented,   Code::kInternal,
};

TEST(AnthropicErrors, EveryCodeHasAStatusAndAType) {
  for (Code code : kAllCodes) {
    EXPECT_GE(http_status(code), 400);
    EXPECT_LT(http_status(code), 600);
    auto body = parse_json(error_body(Error(code, "m"), "r-1")).value();
    EXPECT_EQ(body.at("type"), "error");
    EXPECT_FALSE(body.at("error").at("type").get_string().empty());
    EXPECT_EQ(body.at("error").at("message"), "m");
    EXPECT_EQ(body.at("request_id"), "r-1");
  }
}

TEST(AnthropicErrors, TypesAreThoseOfTheirStatuses) {
  const std::tuple<Code, int, const char*> rows[] = {
      {Code::kInvalidArgument, 400, "invalid_request_error"},
      {Code::kUnimplemented, 400, "invalid_request_error"},
      {Code::kUnauthenticated, 401, "authentication_error"},
      {Code::kPermissionDenied, 403, "permission_error"},
      {Code::kNotFound, 404, "not_found_error"},
      {Code::kPayloadTooLarge, 413, "request_too_large"},
      {Code::kQuotaExceeded, 429, "rate_limit_error"},
      {Code::kInternal, 500, "api_error"},
      {Code::kOverloaded, 529, "overloaded_error"},
  };
  for (const auto& [code, status, type] : rows) {
    http::Response response = error_response(Error(code, "m"), "r-1");
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(parse_json(response.body).value().at("error").at("type"), type);
    EXPECT_EQ(*response.fields.find("request-id"), "r-1");
    EXPECT_EQ(response.fields.find("retry-after") != nullptr, status == 429 || status == 529);
  }
}

TEST(AnthropicErrors, PrivateDetailStaysPrivate) {
  std::string body = error_body(Error(Code::kInternal, "public").with_detail("/secret/path"), "r");
  EXPECT_NE(body.find("public"), std::string::npos);
  EXPECT_EQ(body.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace studio::api::anthropic
