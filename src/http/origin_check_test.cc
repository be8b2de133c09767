#include "http/origin_check.h"

#include <gtest/gtest.h>

namespace studio::http {
namespace {

Request request_with(std::vector<Field> fields, Method method = Method::kGet, std::string scheme = "http") {
  Request request;
  request.method = method;
  request.scheme = std::move(scheme);
  for (Field& field : fields) request.fields.add(std::move(field.name), std::move(field.value));
  return request;
}

TEST(AnswersTo, LoopbackNamesItsAddressAndWhatIsConfigured) {
  const std::vector<std::string> names = {"studio.example.com", "*.lab.example.com", "fd00::7"};
  for (const char* host : {"localhost", "LocalHost:8080", "127.0.0.1:1", "[::1]", "[::1]:8080", "10.0.0.5:80",
                           "studio.example.com", "STUDIO.example.com:443", "gpu1.lab.example.com", "[fd00::7]:80"}) {
    EXPECT_TRUE(answers_to(host, names, "10.0.0.5")) << host;
  }
  for (const char* host : {"evil.test", "localhost.evil.test", "evil.test:8080", "10.0.0.6", "example.com",
                           "lab.example.com", "a.b.lab.example.com", ".lab.example.com", "127.0.0.1.evil.test", "[::2]",
                           "[::1", "localhost.", "127.1", "0x7f.0.0.1"}) {
    EXPECT_FALSE(answers_to(host, names, "10.0.0.5")) << host;
  }
}

TEST(AnswersTo, NothingMoreThanLoopbackOnAUnixSocket) {
  EXPECT_TRUE(answers_to("localhost", {}, ""));
  EXPECT_FALSE(answers_to("other", {}, ""));
}

TEST(CheckOrigin, AServersOwnPageIsSchemeHostAndPort) {
  auto origin_of = [](const char* host, const char* origin, const char* scheme) {
    return check_origin(request_with({{"Host", host}, {"Origin", origin}}, Method::kPost, scheme), {});
  };
  EXPECT_EQ(origin_of("localhost:8080", "http://localhost:8080", "http"), PageOrigin::kOwn);
  EXPECT_EQ(origin_of("studio.example.com", "https://studio.example.com", "https"), PageOrigin::kOwn);
  EXPECT_EQ(origin_of("studio.example.com:443", "https://studio.example.com", "https"), PageOrigin::kOwn);
  EXPECT_EQ(origin_of("localhost:8080", "https://localhost:8080", "http"), PageOrigin::kForeign);
  EXPECT_EQ(origin_of("localhost:8080", "http://localhost:3000", "http"), PageOrigin::kForeign);
  EXPECT_EQ(origin_of("localhost:8080", "http://127.0.0.1:8080", "http"), PageOrigin::kForeign);
  EXPECT_EQ(origin_of("localhost:8080", "null", "http"), PageOrigin::kForeign);
  EXPECT_EQ(origin_of("localhost:8080", "", "http"), PageOrigin::kForeign);
  EXPECT_EQ(origin_of("localhost:8080", "http://localhost:8080/", "http"), PageOrigin::kForeign);
}

TEST(CheckOrigin, ConfiguredOriginsMatchLetterForLetter) {
  const std::vector<std::string> allowed = {"https://app.example.com", "app://obsidian.md"};
  auto verdict = [&](const char* origin) {
    return check_origin(request_with({{"Host", "localhost:1"}, {"Origin", origin}}), allowed);
  };
  EXPECT_EQ(verdict("https://app.example.com"), PageOrigin::kAllowed);
  EXPECT_EQ(verdict("app://obsidian.md"), PageOrigin::kAllowed);
  for (const char* origin :
       {"http://app.example.com", "https://app.example.com:444", "https://app.example.com.evil.test",
        "https://sub.app.example.com", "https://app.example.co", "https://APP.example.com"}) {
    EXPECT_EQ(verdict(origin), PageOrigin::kForeign) << origin;
  }
}

TEST(CheckOrigin, TwoOriginsAreForeign) {
  EXPECT_EQ(check_origin(request_with({{"Host", "h"}, {"Origin", "http://h"}, {"origin", "http://h"}}), {}),
            PageOrigin::kForeign);
}

TEST(CheckOrigin, RequestsWithoutOriginAreJudgedByWhatTheBrowserSays) {
  EXPECT_EQ(check_origin(request_with({{"Host", "h"}}), {}), PageOrigin::kNone);
  for (const char* site : {"cross-site", "same-site", "anything"}) {
    EXPECT_EQ(check_origin(request_with({{"Host", "h"}, {"Sec-Fetch-Site", site}, {"Sec-Fetch-Mode", "no-cors"}}), {}),
              PageOrigin::kForeign);
  }
  for (const char* site : {"same-origin", "none"}) {
    EXPECT_EQ(check_origin(request_with({{"Host", "h"}, {"Sec-Fetch-Site", site}}), {}), PageOrigin::kNone);
  }
  std::vector<Field> link = {
      {"Host", "h"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Dest", "document"}};
  EXPECT_EQ(check_origin(request_with(link), {}), PageOrigin::kNone);
  EXPECT_EQ(check_origin(request_with(link, Method::kPost), {}), PageOrigin::kForeign);
  link.back().value = "iframe";
  EXPECT_EQ(check_origin(request_with(link), {}), PageOrigin::kForeign);
}

TEST(OriginSetting, TakesOriginsAndSaysWhatIsWrongWithTheRest) {
  for (const char* origin :
       {"https://app.example.com", "http://localhost:3000", "app://obsidian.md", "http://[::1]:3000"}) {
    EXPECT_TRUE(check_origin_setting(origin).ok()) << origin;
  }
  for (const char* origin : {"*", "null", "app.example.com", "https://", "https://a/", "https://a/b", "https://A.com",
                             "https://a:443", "http://a:80", "https://u@a", "https://a b"}) {
    EXPECT_FALSE(check_origin_setting(origin).ok()) << origin;
  }
}

TEST(HostSetting, TakesNamesAndAddresses) {
  EXPECT_EQ(*host_setting("Studio.Example.com"), "studio.example.com");
  EXPECT_EQ(*host_setting("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(*host_setting("[fd00::1]"), "fd00::1");
  EXPECT_EQ(*host_setting("fd00::1"), "fd00::1");
  for (const char* host : {"", "https://a", "a:80", "a/b", "*", "*.example.com", "a b"}) {
    EXPECT_FALSE(host_setting(host).ok()) << host;
  }
}

TEST(Preflight, SaysTheMethodsOfThePathAndTheNamesAskedFor) {
  Request request = request_with({{"Origin", "https://a"},
                                  {"Access-Control-Request-Method", "POST"},
                                  {"Access-Control-Request-Headers", "authorization,content-type,x-stainless-os"}},
                                 Method::kOptions);
  ASSERT_TRUE(is_preflight(request));
  Response answer = preflight_answer(request, "POST");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(*answer.fields.find("access-control-allow-methods"), "POST");
  EXPECT_EQ(*answer.fields.find("access-control-allow-headers"), "authorization,content-type,x-stainless-os");
  EXPECT_EQ(answer.fields.find("access-control-allow-credentials"), nullptr);
  Request odd = request_with({{"Access-Control-Request-Headers", "a\"b"}}, Method::kOptions);
  EXPECT_EQ(preflight_answer(odd, "GET").fields.find("access-control-allow-headers"), nullptr);
}

}  // namespace
}  // namespace studio::http
