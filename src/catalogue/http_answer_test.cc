#include "catalogue/http_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace studio::catalogue {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

HttpAnswer answer_of(std::initializer_list<std::string_view> lines) {
  HttpAnswer answer;
  for (std::string_view line : lines) answer.add_line(line);
  return answer;
}

TEST(HttpAnswer, KeepsWhatARedirectTellsAboutTheFileBehindIt) {
  const std::string sha256(64, 'a');
  HttpAnswer answer = answer_of({"HTTP/1.1 302 Found\r\n", "X-Linked-Etag: \"" + sha256 + "\"\r\n",
                                 "ETag: \"page\"\r\n", "X-Linked-Size: 10\r\n", "Retry-After: 3\r\n", "\r\n"});
  EXPECT_FALSE(answer.is_complete());
  for (const char* line : {"HTTP/2 206\r\n", "content-range: bytes 4-9/10\r\n", "etag: \"cdn\"\r\n", "\r\n"}) {
    answer.add_line(line);
  }
  EXPECT_TRUE(answer.is_complete());
  EXPECT_EQ(answer.status(), 206);
  EXPECT_EQ(answer.range_start(), 4);
  EXPECT_EQ(answer.validators(), (Validators{"\"" + sha256 + "\"", 10, sha256}));
  EXPECT_EQ(answer.retry_after(), std::nullopt);
}

TEST(HttpAnswer, IsNotCompleteBeforeItsLastHead) {
  EXPECT_FALSE(answer_of({"HTTP/1.1 100 Continue", ""}).is_complete());
  EXPECT_FALSE(answer_of({"HTTP/1.1 200 OK", "Content-Length: 3"}).is_complete());
  EXPECT_TRUE(answer_of({"HTTP/1.1 404 Not Found", ""}).is_complete());
}

TEST(HttpAnswer, WhatCannotBeReadSaysNothing) {
  HttpAnswer answer = answer_of({"HTTP/1.1 200 OK", "Content-Length: -5", "Content-Range: bytes 5/9",
                                 "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT", "ETag: W/\"x\"", "no colon here", ""});
  EXPECT_EQ(answer.validators(), (Validators{"W/\"x\"", -1, ""}));
  EXPECT_EQ(answer.range_start(), -1);
  EXPECT_EQ(answer.retry_after(), std::nullopt);
  EXPECT_EQ(answer_of({"HTTP/1.1 2x0 OK", ""}).status(), 0);
}

TEST(HttpAnswer, RefusalsAreFinalAndTroubleCarriesItsDelay) {
  EXPECT_EQ(error_of_answer(answer_of({"HTTP/1.1 404 Not Found", ""}), "h").code(), Code::kNotFound);
  Error gated = error_of_answer(answer_of({"HTTP/1.1 401 Unauthorized", ""}), "h");
  EXPECT_EQ(gated.code(), Code::kPermissionDenied);
  EXPECT_THAT(gated.message(), HasSubstr("HF_TOKEN"));
  Error busy = error_of_answer(answer_of({"HTTP/1.1 503 Busy", "Retry-After: 7", ""}), "h");
  EXPECT_EQ(busy.code(), Code::kUnavailable);
  EXPECT_EQ(busy.retry_after(), seconds(7));
  Error later = error_of_answer(answer_of({"HTTP/1.1 429 Slow", "Retry-After: 99999999999999", ""}), "h");
  EXPECT_EQ(later.retry_after(), seconds(86400));
}

}  // namespace
}  // namespace studio::catalogue
