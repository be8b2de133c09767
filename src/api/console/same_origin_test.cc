#include "api/console/same_origin.h"

#include <gtest/gtest.h>

namespace studio::api::console {
namespace {

http::Request request(http::Method method, const std::string& origin, const std::string& site = "") {
  http::Request request;
  request.method = method;
  request.fields.add("Host", "127.0.0.1:8080");
  if (!origin.empty()) request.fields.add("Origin", origin);
  if (!site.empty()) request.fields.add("Sec-Fetch-Site", site);
  return request;
}

TEST(SameOrigin, OurOwnPageMayChangeThings) {
  EXPECT_TRUE(is_same_origin(request(http::Method::kPost, "http://127.0.0.1:8080")));
  EXPECT_TRUE(is_same_origin(request(http::Method::kPost, "http://127.0.0.1:8080", "same-origin")));
  http::Request through_tls = request(http::Method::kPost, "https://127.0.0.1:8080");
  EXPECT_FALSE(is_same_origin(through_tls));
  through_tls.scheme = "https";  // its own, or as a trusted proxy says
  EXPECT_TRUE(is_same_origin(through_tls));
}

TEST(SameOrigin, AChangeWithoutAnOriginIsRefused) {
  EXPECT_FALSE(is_same_origin(request(http::Method::kPost, "")));
  EXPECT_FALSE(is_same_origin(request(http::Method::kDelete, "")));
  EXPECT_TRUE(is_same_origin(request(http::Method::kGet, ""))) << "browsers send none with a read of the own origin";
}

TEST(SameOrigin, EveryOtherOriginIsRefused) {
  for (const char* origin : {"null", "http://127.0.0.1", "http://127.0.0.1:8081", "http://localhost:8080",
                             "http://evil.example", "http://127.0.0.1:8080.evil.example", "http://127.0.0.1:8080/",
                             "file://127.0.0.1:8080", "127.0.0.1:8080", "http://"}) {
    EXPECT_FALSE(is_same_origin(request(http::Method::kPost, origin))) << origin;
    EXPECT_FALSE(is_same_origin(request(http::Method::kGet, origin))) << origin;
  }
}

TEST(SameOrigin, WhatTheBrowserSaysOfTheSiteCountsToo) {
  for (const char* site : {"cross-site", "same-site", "none", ""}) {
    bool is_said = *site != '\0';
    EXPECT_EQ(is_same_origin(request(http::Method::kGet, "", site)), !is_said) << site;
  }
}

}  // namespace
}  // namespace studio::api::console
