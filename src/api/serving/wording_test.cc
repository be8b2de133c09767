#include "api/serving/wording.h"

#include <gtest/gtest.h>

namespace studio::api {
namespace {

TEST(Wording, TimesAreUtcWithMicroseconds) {
  EXPECT_EQ(utc_time(std::chrono::system_clock::time_point(std::chrono::microseconds(1'795'694'400'000'123))),
            "2026-11-26T12:00:00.000123Z");
}

TEST(Wording, WhoMayComeBackIsToldWhen) {
  auto wait = [](int status, const Error& error) {
    http::Response response = http::Response::json(status, "{}");
    add_retry_after(error, response);
    const std::string* field = response.fields.find("retry-after");
    return field ? *field : "";
  };
  const Error plain(Code::kOverloaded, "m");
  for (int status : {429, 503, 529}) EXPECT_EQ(wait(status, plain), "1");
  EXPECT_EQ(wait(400, plain), "");
  EXPECT_EQ(wait(503, Error(plain).with_retry_after(std::chrono::milliseconds(2100))), "3");
}

}  // namespace
}  // namespace studio::api
