#include "api/openai/errors.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/json.h"

namespace studio::api::openai {
namespace {

constexpr Code kAllCodes[] = {
    Code::kInvalidArgument,    Code::kOutOfRange,      Code::kUnauthenticated, Code::kPermissionDenied,
    Code::kNotFound,           Code::kConflict,        Code::kQuotaExceeded,   Code::kOverloaded,
    Code::kFailedPrecondition, Code::kPayloadTooLarge, Code::kCancelled,       Code::kDeadlineExceeded,
    Code::kUnavailable,        Code::kCorruptData,     Code::kUnimplemented,   Code::kInternal,
};

boost::json::object body_of(const Error& error) {
  return parse_json(error_body(error, "r-1")).value().get_object();
}

TEST(Errors, EveryCodeHasAStatusATypeAndACode) {
  for (Code code : kAllCodes) {
    int status = http_status(code);
    EXPECT_GE(status, 400);
    EXPECT_LT(status, 600);
    auto body = body_of(Error(code, "m"));
    EXPECT_FALSE(body.at("error").at("type").get_string().empty());
    EXPECT_FALSE(body.at("error").at("code").get_string().empty());
    EXPECT_EQ(body.at("request_id"), "r-1");
  }
}

TEST(Errors, ClientsSeeTheStatusesTheirClassesComeFrom) {
  EXPECT_EQ(http_status(Code::kInvalidArgument), 400);
  EXPECT_EQ(http_status(Code::kOutOfRange), 400);
  EXPECT_EQ(http_status(Code::kUnimplemented), 400);
  EXPECT_EQ(http_status(Code::kUnauthenticated), 401);
  EXPECT_EQ(http_status(Code::kPermissionDenied), 403);
  EXPECT_EQ(http_status(Code::kNotFound), 404);
  EXPECT_EQ(http_status(Code::kConflict), 409);
  EXPECT_EQ(http_status(Code::kPayloadTooLarge), 413);
  EXPECT_EQ(http_status(Code::kFailedPrecondition), 422);
  EXPECT_EQ(http_status(Code::kQuotaExceeded), 429);
  EXPECT_EQ(http_status(Code::kInternal), 500);
  EXPECT_EQ(http_status(Code::kOverloaded), 503);
}

TEST(Errors, NamesTheFieldAndTheModel) {
  auto field = body_of(Error(Code::kInvalidArgument, "m").with_param("stop[1]"));
  EXPECT_EQ(field.at("error").at("param"), "stop[1]");
  auto none = body_of(Error(Code::kInvalidArgument, "m"));
  EXPECT_TRUE(none.at("error").at("param").is_null());
  auto model = body_of(Error(Code::kNotFound, "m").with_param("model"));
  EXPECT_EQ(model.at("error").at("code"), "model_not_found");
  auto refused = body_of(Error(Code::kFailedPrecondition, "m").with_param("prompt"));
  EXPECT_EQ(refused.at("error").at("code"), "request_quarantined");
}

TEST(Errors, PrivateDetailStaysPrivate) {
  std::string body = error_body(Error(Code::kInternal, "public").with_detail("/secret/path"), "r");
  EXPECT_NE(body.find("public"), std::string::npos);
  EXPECT_EQ(body.find("secret"), std::string::npos);
}

TEST(Errors, OverloadSaysWhenToComeBack) {
  auto wait = [](const Error& error) {
    http::Response response = error_response(error, "r");
    const std::string* field = response.fields.find("retry-after");
    return field ? *field : "";
  };
  EXPECT_EQ(wait(Error(Code::kOverloaded, "m")), "1");
  EXPECT_EQ(wait(Error(Code::kOverloaded, "m").with_retry_after(std::chrono::milliseconds(2100))), "3");
  EXPECT_EQ(wait(Error(Code::kInvalidArgument, "m")), "");
}

}  // namespace
}  // namespace studio::api::openai
