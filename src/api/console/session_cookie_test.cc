#include "api/console/session_cookie.h"

#include <gtest/gtest.h>

#include <vector>

namespace studio::api::console {
namespace {

using namespace std::chrono_literals;

http::Request request(const std::string& host, const std::string& cookie = "") {
  http::Request request;
  request.fields.add("Host", host);
  if (!cookie.empty()) request.fields.add("Cookie", cookie);
  return request;
}

std::vector<std::string> tokens(const http::Request& request) {
  std::vector<std::string> found;
  any_session_cookie(request, [&](std::string_view token) {
    found.emplace_back(token);
    return false;
  });
  return found;
}

TEST(SessionCookie, IsForTheServersOwnEyes) {
  EXPECT_EQ(set_session_cookie(request("127.0.0.1:8080"), "abc", 60s),
            "studio_session_8080=abc; Path=/console; Max-Age=60; HttpOnly; SameSite=Strict");
  EXPECT_EQ(clear_session_cookie(request("localhost")),
            "studio_session=; Path=/console; Max-Age=0; HttpOnly; SameSite=Strict");
}

TEST(SessionCookie, IsSecureOverTls) {
  http::Request through_tls = request("studio.example");
  through_tls.scheme = "https";
  std::string cookie = set_session_cookie(through_tls, "abc", 60s);
  EXPECT_TRUE(cookie.ends_with("; Secure")) << cookie;
}

TEST(SessionCookie, IsFoundAmongOthers) {
  EXPECT_EQ(tokens(request("127.0.0.1:8080", "a=b; studio_session_8080=one;studio_session_8080=two; c")),
            (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(tokens(request("[::1]:9", "studio_session_9=x")), (std::vector<std::string>{"x"}));
}

TEST(SessionCookie, OfAnotherPortOrNameIsNotOurs) {
  for (const char* cookie :
       {"studio_session_8081=x", "studio_session=x", "xstudio_session_8080=x", "studio_session_8080", ";;=;", "=x"}) {
    EXPECT_TRUE(tokens(request("127.0.0.1:8080", cookie)).empty()) << cookie;
  }
}

TEST(SessionCookie, AHostThatNamesNoPortMakesNoOddName) {
  for (const char* host : {"::1", "[::1]", "a:b; Path=/", "h:123456", "h:"}) {
    std::string cookie = set_session_cookie(request(host), "t", 60s);
    EXPECT_TRUE(cookie.starts_with("studio_session=t;") || cookie.starts_with("studio_session_1=t;")) << cookie;
  }
}

}  // namespace
}  // namespace studio::api::console
