#include "http/router.h"

#include <gtest/gtest.h>

namespace studio::http {
namespace {

Router sample() {
  Router router;
  for (const char* pattern : {"/v1/models", "/v1/models/{id...}", "/v1/files/{id}/content", "/v1/files/new/content"}) {
    router.add(Route(Method::kGet, pattern, AuthClass::kKey, 0, nullptr));
  }
  router.add(Route(Method::kPost, "/v1/models", AuthClass::kKey, 10, nullptr));
  return router;
}

std::string matched(const Router& router, Method method, std::string_view path) {
  auto match = router.match(method, path);
  return match.route == nullptr ? "" : match.route->pattern;
}

TEST(Router, MatchesLiteralsBeforeParameters) {
  Router router = sample();
  EXPECT_EQ(matched(router, Method::kGet, "/v1/files/new/content"), "/v1/files/new/content");
  EXPECT_EQ(matched(router, Method::kGet, "/v1/files/a/content"), "/v1/files/{id}/content");
}

TEST(Router, SuggestsTheNearestLiteralPath) {
  Router router = sample();
  EXPECT_EQ(router.suggestion("/models"), "; did you mean '/v1/models'?");
  EXPECT_EQ(router.suggestion("/v1/v1/models"), "; did you mean '/v1/models'?");
  EXPECT_EQ(router.suggestion("/"), "");
  EXPECT_EQ(router.suggestion("/v1/model"), "; did you mean '/v1/models'?");
  EXPECT_EQ(router.suggestion("/something/else/entirely"), "");
  EXPECT_EQ(router.suggestion("/v1/models/" + std::string(100'000, 'x')), "");
}

TEST(Router, DecodesParametersAndTakesTheRest) {
  Router router = sample();
  EXPECT_EQ(router.match(Method::kGet, "/v1/models/org%2Fname").parameters.at(0).second, "org/name");
  EXPECT_EQ(router.match(Method::kGet, "/v1/models/org/name").parameters.at(0).second, "org/name");
}

TEST(Router, ForgivesRunsOfSlashesOnly) {
  Router router = sample();
  EXPECT_EQ(matched(router, Method::kGet, "//v1///models/"), "/v1/models");
  EXPECT_EQ(matched(router, Method::kGet, "/v1/./models"), "");
  EXPECT_EQ(matched(router, Method::kGet, "/v1/x/../models"), "");
  EXPECT_EQ(matched(router, Method::kGet, "/V1/models"), "");
}

TEST(Router, TellsAWrongMethodFromAWrongPath) {
  Router router = sample();
  EXPECT_EQ(router.match(Method::kDelete, "/v1/models").allow, "GET, POST");
  EXPECT_EQ(router.match(Method::kDelete, "/v1/nothing").allow, "");
  EXPECT_EQ(matched(router, Method::kHead, "/v1/models"), "/v1/models");
}

TEST(Router, RefusesBrokenEscapes) {
  Router router = sample();
  for (const char* path : {"/v1/models/%", "/v1/models/%4", "/v1/models/%zz", "/v1/models/a%00b"}) {
    EXPECT_TRUE(router.match(Method::kGet, path).malformed) << path;
  }
  EXPECT_EQ(*percent_decode("%41%6a"), "Aj");
}

}  // namespace
}  // namespace studio::http
