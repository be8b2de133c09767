#include "api/console/routes.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/json.h"
#include "http/client.h"
#include "http/server.h"

namespace studio::api::console {
namespace {

using namespace std::chrono_literals;
using http::ClientResponse, http::Method;

constexpr const char* kForeign = "http://evil.example";

struct Ask {
  std::string origin = {}, cookie = {}, key = {}, body = {};
};

// The console's routes on a real server, with one key ("sk-good") and no model.
class RoutesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    http::Router router;
    Services services;
    services.models = &models_;
    add_routes(services,
               {.sessions = sessions_, .reveal_key = []() -> Result<std::string> { return std::string("sk-good"); }},
               router);
    http::ServerOptions options;
    options.listen.host = "127.0.0.1";
    options.render_error = [](int status, const Error& error, const std::string&) {
      return http::Response::json(status, to_json(boost::json::object{{"message", error.message()}}));
    };
    options.authenticate = [](const http::Request& request) -> Result<std::string> {
      const std::string* field = request.fields.find("authorization");
      if (field != nullptr && *field == "Bearer sk-good") return std::string("key_1");
      return Error(Code::kUnauthenticated, "no key");
    };
    options.authenticate_session = session_authenticator(sessions_);
    auto started = http::Server::start(std::move(options), std::move(router));
    ASSERT_TRUE(started.ok()) << started.error().message();
    server_ = std::move(*started);
    origin_ = "http://127.0.0.1:" + std::to_string(server_->port());
    client_ = std::make_unique<http::Client>(*http::Endpoint::parse_url(origin_));
  }

  ClientResponse call(Method method, const std::string& path, const Ask& ask = {}) {
    http::ClientRequest request;
    request.method = method;
    request.target = path;
    request.body = ask.body;
    if (!ask.origin.empty()) request.fields.add("Origin", ask.origin);
    if (!ask.cookie.empty()) request.fields.add("Cookie", ask.cookie);
    if (!ask.key.empty()) request.fields.add("Authorization", "Bearer " + ask.key);
    auto answer = client_->fetch(std::move(request), 10s);
    EXPECT_TRUE(answer.ok()) << path;
    return answer.ok() ? *answer : ClientResponse{};
  }
  int status(Method method, const std::string& path, const Ask& ask = {}) { return call(method, path, ask).status; }

  static std::string body_of(const std::string& token) { return to_json(boost::json::object{{"token", token}}); }
  static std::string field(const ClientResponse& answer, const char* name) {
    const std::string* value = answer.fields.find(name);
    return value ? *value : "";
  }
  // "name=token", as a browser sends it back.
  std::string log_in() {
    auto answer =
        call(Method::kPost, "/console/api/login", {.origin = origin_, .body = body_of(sessions_->new_link("key_1"))});
    std::string cookie = field(answer, "set-cookie");
    return cookie.substr(0, cookie.find(';'));
  }

  ServedModels models_;
  std::shared_ptr<Sessions> sessions_ = std::make_shared<Sessions>();
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Client> client_;
  std::string origin_;
};

TEST_F(RoutesTest, ThePageIsForEverybodyAndHoldsNoSecret) {
  std::string link = sessions_->new_link("key_1");
  for (const char* path : {"/", "/login"}) {
    ClientResponse page = call(Method::kGet, path);
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(field(page, "content-type"), "text/html; charset=utf-8");
    EXPECT_NE(field(page, "content-security-policy").find("default-src 'none'"), std::string::npos);
    EXPECT_EQ(field(page, "x-dns-prefetch-control"), "off");
    for (const std::string& secret : {std::string("sk-good"), link})
      EXPECT_EQ(page.body.find(secret), std::string::npos);
  }
  EXPECT_EQ(status(Method::kGet, "/assets/none.js"), 404);
  EXPECT_EQ(status(Method::kGet, "/assets/..%2findex.html"), 404);
}

TEST_F(RoutesTest, ALinkIsExchangedOnceForACookie) {
  Ask ask{.origin = origin_, .body = body_of(sessions_->new_link("key_1"))};
  ClientResponse answer = call(Method::kPost, "/console/api/login", ask);
  EXPECT_EQ(answer.status, 200);
  std::string cookie = field(answer, "set-cookie");
  for (const char* part : {"HttpOnly", "SameSite=Strict", "Path=/console", "Max-Age="}) {
    EXPECT_NE(cookie.find(part), std::string::npos) << cookie;
  }
  EXPECT_EQ(field(answer, "cache-control"), "no-store");
  EXPECT_EQ(answer.body, "{}") << "the token is in the cookie alone";
  ClientResponse again = call(Method::kPost, "/console/api/login", ask);
  EXPECT_EQ(again.status, 401);
  EXPECT_EQ(field(again, "set-cookie"), "");
}

TEST_F(RoutesTest, AnotherOriginCannotLogInNorUseUpTheLink) {
  std::string body = body_of(sessions_->new_link("key_1"));
  for (const std::string& origin : {std::string(), std::string(kForeign), std::string("null")}) {
    EXPECT_EQ(status(Method::kPost, "/console/api/login", {.origin = origin, .body = body}), 403) << origin;
  }
  EXPECT_EQ(status(Method::kPost, "/console/api/login", {.origin = origin_, .body = body}), 200);
}

TEST_F(RoutesTest, ALoginThatIsNoneIsToldWhy) {
  for (const char* body : {"", "x", "[]", "{}", "{\"token\":1}", "{\"token\":\"a\",\"b\":1}", "{\"token\":[[[]]]}"}) {
    ClientResponse answer = call(Method::kPost, "/console/api/login", {.origin = origin_, .body = body});
    EXPECT_EQ(answer.status, 400) << body;
  }
  EXPECT_EQ(status(Method::kPost, "/console/api/login", {.origin = origin_, .body = body_of("x")}), 401);
  EXPECT_EQ(status(Method::kPost, "/console/api/login", {.origin = origin_, .body = std::string(10'000, 'x')}), 413);
}

TEST_F(RoutesTest, ASessionOpensTheConsolesApiAndAKeyDoesNot) {
  std::string cookie = log_in();
  for (const char* path : {"/console/api/session", "/console/api/v1/models"}) {
    EXPECT_EQ(status(Method::kGet, path), 401);
    EXPECT_EQ(status(Method::kGet, path, {.key = "sk-good"}), 401);
    EXPECT_EQ(status(Method::kGet, path, {.cookie = cookie + "0"}), 401);
    EXPECT_EQ(status(Method::kGet, path, {.cookie = cookie}), 200);
    EXPECT_EQ(status(Method::kGet, path, {.origin = kForeign, .cookie = cookie}), 403);
  }
  auto session = parse_json(call(Method::kGet, "/console/api/session", {.cookie = cookie}).body);
  EXPECT_EQ(session->at("key_id"), "key_1");
}

TEST_F(RoutesTest, ACookieOpensNothingThatWantsAKey) {
  EXPECT_EQ(status(Method::kPost, "/console/links", {.origin = origin_, .cookie = log_in()}), 401);
}

TEST_F(RoutesTest, AKeyMakesALinkThatWorks) {
  ClientResponse answer = call(Method::kPost, "/console/links", {.key = "sk-good"});
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(field(answer, "cache-control"), "no-store");
  std::string token(parse_json(answer.body)->at("token").as_string());
  EXPECT_EQ(status(Method::kPost, "/console/api/login", {.origin = origin_, .body = body_of(token)}), 200);
}

TEST_F(RoutesTest, TheKeyIsToldOnAnExplicitWishAlone) {
  std::string cookie = log_in();
  EXPECT_EQ(status(Method::kGet, "/console/api/reveal_key", {.cookie = cookie}), 405);
  EXPECT_EQ(status(Method::kPost, "/console/api/reveal_key", {.cookie = cookie}), 403) << "no Origin";
  EXPECT_EQ(status(Method::kPost, "/console/api/reveal_key", {.origin = kForeign, .cookie = cookie}), 403);
  EXPECT_EQ(status(Method::kPost, "/console/api/reveal_key", {.origin = origin_}), 401);
  ClientResponse answer = call(Method::kPost, "/console/api/reveal_key", {.origin = origin_, .cookie = cookie});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "{\"key\":\"sk-good\"}");
  EXPECT_EQ(field(answer, "cache-control"), "no-store");
}

TEST_F(RoutesTest, LogOutEndsTheSessionAndTheCookie) {
  std::string cookie = log_in();
  EXPECT_EQ(status(Method::kPost, "/console/api/logout", {.origin = kForeign, .cookie = cookie}), 403);
  ClientResponse answer = call(Method::kPost, "/console/api/logout", {.origin = origin_, .cookie = cookie});
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(field(answer, "set-cookie").find("Max-Age=0"), std::string::npos);
  EXPECT_EQ(status(Method::kGet, "/console/api/session", {.cookie = cookie}), 401);
}

}  // namespace
}  // namespace studio::api::console
