#include "api/console/routes.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>

#include "base/json.h"
#include "http/client.h"
#include "http/server.h"
#include "keys/key_ring.h"

namespace studio::api::console {
namespace {

using namespace std::chrono_literals;
using http::ClientResponse, http::Method;

constexpr const char* kForeign = "http://evil.example";

struct Ask {
  std::string origin = {}, cookie = {}, key = {}, body = {};
};

// Serves what it is asked to, but for names that begin with "bad".
class FakeDesk final : public AdapterDesk {
 public:
  explicit FakeDesk(ServedModels& models) : models_(models) {}
  void add(const std::string& model, const std::string& adapter,
           std::function<void(Result<ServedModelPtr>)> done) override {
    auto base = models_.find(model);
    if (!base.ok()) return done(std::move(base).error());
    if (adapter.starts_with("bad")) return done(Error(Code::kConflict, "another file").with_param("name"));
    done(models_.add_adapter(*base, adapter, std::string(64, 'a'), 5));
  }
  void remove(const std::string& name, std::function<void(Status)> done) override {
    auto removed = models_.remove_adapter(name);
    done(removed.ok() ? Status(Ok{}) : Status(std::move(removed).error()));
  }

 private:
  ServedModels& models_;
};

// The console's routes on a real server, with a key of its own ("sk-good") in a real store, and no model.
class RoutesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    auto ring = keys::KeyRing::open_folder(folder_);
    ASSERT_TRUE(ring.ok()) << ring.error().message();
    keys_ = *ring;
    own_id_ = *keys_->accept_chosen("sk-good");
    http::Router router;
    Services services;
    services.models = &models_;
    add_routes(services,
               {.sessions = sessions_,
                .reveal_key = []() -> Result<std::string> { return std::string("sk-good"); },
                .keys = keys_,
                .is_lent =
                    [](const http::Request& request) {
                      const std::string* field = request.fields.find("authorization");
                      return field && keys::is_temporary_form(std::string_view(*field).substr(7));
                    },
                .adapters = &desk_},
               router);
    http::ServerOptions options;
    options.listen.host = "127.0.0.1";
    options.render_error = [](const http::Request&, int status, const Error& error) {  // of the server, not of a route
      return http::Response::json(status, to_json(boost::json::object{{"message", error.message()}}));
    };
    options.authenticate = [this](const http::Request& request) -> Result<std::string> {
      const std::string* field = request.fields.find("authorization");
      auto key_id = keys_->find(sha256(field ? field->substr(std::string_view("Bearer ").size()) : ""));
      if (key_id) return *key_id;
      return Error(Code::kUnauthenticated, "no key");
    };
    options.authenticate_session = session_authenticator(sessions_);
    auto started = http::Server::start(std::move(options), std::move(router));
    ASSERT_TRUE(started.ok()) << started.error().message();
    server_ = std::move(*started);
    origin_ = "http://127.0.0.1:" + std::to_string(server_->port());
    client_ = std::make_unique<http::Client>(*http::Endpoint::parse_url(origin_));
  }

  void TearDown() override {
    server_.reset();
    keys_.reset();
    std::filesystem::remove_all(folder_);
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
        call(Method::kPost, "/console/api/login", {.origin = origin_, .body = body_of(sessions_->new_link(own_id_))});
    std::string cookie = field(answer, "set-cookie");
    return cookie.substr(0, cookie.find(';'));
  }

  // What a route for keys answers to our own page.
  ClientResponse call_keys(Method method, const std::string& below, const std::string& body = "") {
    return call(method, "/console/api/keys" + below, {.origin = origin_, .cookie = log_in(), .body = body});
  }
  // The text at error.NAME of an answer, "" where it is null.
  static std::string error_text(const ClientResponse& answer, const char* name) {
    boost::json::value value = parse_json(answer.body)->at("error").at(name);
    return value.is_string() ? std::string(value.get_string()) : "";
  }

  std::string folder_ = "/tmp/studio_console_XXXXXX";
  std::shared_ptr<keys::KeyRing> keys_;
  std::string own_id_;
  ServedModels models_;
  FakeDesk desk_{models_};
  std::shared_ptr<Sessions> sessions_ = std::make_shared<Sessions>();
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Client> client_;
  std::string origin_;
};

TEST_F(RoutesTest, ThePageIsForEverybodyAndHoldsNoSecret) {
  std::string link = sessions_->new_link("key_1");
  for (const char* path : {"/", "/login", "/keys"}) {
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
  EXPECT_EQ(session->at("key_id").as_string(), own_id_);
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

TEST_F(RoutesTest, AKeyIsMadeListedAndRevoked) {
  ClientResponse answer = call_keys(Method::kPost, "", R"({"name": " nightly report "})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(field(answer, "cache-control"), "no-store");
  auto made = *parse_json(answer.body);
  std::string key(made.at("key").as_string()), id(made.at("id").as_string());
  EXPECT_EQ(made.at("name"), "nightly report");
  EXPECT_EQ(keys_->find(sha256(key)), id);

  ClientResponse listed = call_keys(Method::kGet, "");
  EXPECT_EQ(listed.body.find(key), std::string::npos) << "a key is told once";
  EXPECT_EQ(listed.body.find("sk-good"), std::string::npos);
  auto list = *parse_json(listed.body);
  EXPECT_EQ(list.at("max"), keys::kMaxMadeKeys);
  ASSERT_EQ(list.at("keys").as_array().size(), 2u);
  EXPECT_EQ(list.at("keys").at(0).at("kind"), "chosen");
  EXPECT_EQ(list.at("keys").at(1).at("kind"), "made");
  EXPECT_EQ(list.at("keys").at(1).at("id").as_string(), id);
  EXPECT_EQ(list.at("keys").at(1).at("prefix").as_string(), key.substr(0, 7));
  EXPECT_EQ(list.at("keys").at(1).at("suffix").as_string(), key.substr(key.size() - 4));

  EXPECT_EQ(call_keys(Method::kDelete, "/" + id).status, 200);
  EXPECT_EQ(keys_->find(sha256(key)), std::nullopt);
  EXPECT_EQ(call_keys(Method::kDelete, "/" + id).status, 404);
  EXPECT_EQ(call_keys(Method::kDelete, "/" + own_id_).status, 422) << "the server's own";
  EXPECT_TRUE(keys_->find(sha256("sk-good")).has_value());
}

TEST_F(RoutesTest, AKeyThatCannotBeMadeIsToldWhyAndWhere) {
  const std::pair<std::string, std::string> faults[] = {
      {R"({})", "name"},
      {R"({"name": 1})", "name"},
      {R"({"name": ""})", "name"},
      {R"({"name": "  "})", "name"},
      {R"({"name": "a\nb"})", "name"},
      {R"({"name": ")" + std::string(keys::kMaxNameCharacters + 1, 'x') + R"("})", "name"},
      {R"({"name": "a", "scope": "all"})", "scope"},
      {R"([])", ""},
      {R"(name)", ""},
  };
  for (const auto& [body, param] : faults) {
    ClientResponse answer = call_keys(Method::kPost, "", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(error_text(answer, "param"), param) << body;
  }
  EXPECT_EQ(keys_->list().size(), 1u);
  EXPECT_EQ(call_keys(Method::kPost, "", std::string(10'000, 'x')).status, 413);
  ASSERT_EQ(call_keys(Method::kPost, "", R"({"name": "twice"})").status, 200);
  ClientResponse again = call_keys(Method::kPost, "", R"({"name": "twice"})");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(error_text(again, "param"), "name");
}

TEST_F(RoutesTest, TheLongestNameFitsHoweverItIsEscaped) {
  std::string escaped;
  for (size_t i = 0; i < keys::kMaxNameCharacters; ++i) escaped += R"(\ud83d\ude00)";
  EXPECT_EQ(call_keys(Method::kPost, "", R"({"name": ")" + escaped + R"("})").status, 200);
}

TEST_F(RoutesTest, KeysAreForOurOwnPageAlone) {
  std::string cookie = log_in(), body = R"({"name": "x"})";
  std::string id = keys_->make("there")->info.key_id;
  const std::tuple<Method, std::string, std::string> calls[] = {
      {Method::kGet, "", ""}, {Method::kPost, "", body}, {Method::kDelete, "/" + id, ""}};
  for (const auto& [method, below, text] : calls) {
    std::string path = "/console/api/keys" + below;
    EXPECT_EQ(status(method, path, {.origin = kForeign, .cookie = cookie, .body = text}), 403);
    EXPECT_EQ(status(method, path, {.origin = origin_, .body = text}), 401);
    EXPECT_EQ(status(method, path, {.origin = origin_, .key = "sk-good", .body = text}), 401);
    if (method != Method::kGet) {
      EXPECT_EQ(status(method, path, {.cookie = cookie, .body = text}), 403) << "no Origin";
    }
    EXPECT_EQ(status(method, "/console/keys" + below, {.origin = origin_, .cookie = cookie, .body = text}), 401);
  }
  EXPECT_EQ(keys_->list().size(), 2u);
}

TEST_F(RoutesTest, TheServersOwnKeyOpensWhatAMadeOneDoesNot) {
  std::string made = keys_->make("program")->key;
  EXPECT_EQ(status(Method::kPost, "/console/links", {.key = made}), 403);
  EXPECT_EQ(sessions_->links(), 0u);
  EXPECT_EQ(status(Method::kGet, "/console/keys", {.key = made}), 403);
  EXPECT_EQ(status(Method::kPost, "/console/keys", {.key = made, .body = R"({"name": "x"})"}), 403);
  EXPECT_EQ(status(Method::kGet, "/console/keys", {.key = "sk-good"}), 200);
  ClientResponse answer = call(Method::kPost, "/console/keys", {.key = "sk-good", .body = R"({"name": "x"})"});
  ASSERT_EQ(answer.status, 200);
  std::string id(parse_json(answer.body)->at("id").as_string());
  EXPECT_EQ(status(Method::kDelete, "/console/keys/" + id, {.key = made}), 403);
  EXPECT_EQ(status(Method::kDelete, "/console/keys/" + id, {.key = "sk-good"}), 200);
  EXPECT_EQ(keys_->list().size(), 2u);
}

TEST_F(RoutesTest, AKeyLentOfTheServersOwnOpensNothingHere) {
  const std::string lent = keys_->lend(own_id_, 60)->key;
  EXPECT_EQ(status(Method::kPost, "/console/links", {.key = lent}), 403);
  EXPECT_EQ(status(Method::kGet, "/console/keys", {.key = lent}), 403);
  EXPECT_EQ(status(Method::kPost, "/console/keys", {.key = lent, .body = R"({"name": "x"})"}), 403);
  EXPECT_EQ(sessions_->links(), 0u);
}

TEST_F(RoutesTest, AnAdapterIsAddedListedAndRemoved) {
  models_.add({.name = "tiny", .aliases = {"t"}, .created = 1, .text = nullptr});
  const std::string body = R"({"model": "t", "name": "sql"})";
  ClientResponse added = call(Method::kPost, "/console/adapters", {.key = "sk-good", .body = body});
  ASSERT_EQ(added.status, 200) << added.body;
  EXPECT_EQ(parse_json(added.body)->at("name"), "tiny:sql");
  EXPECT_EQ(parse_json(added.body)->at("model"), "tiny");
  ClientResponse listed = call(Method::kGet, "/console/adapters", {.key = "sk-good"});
  EXPECT_EQ(parse_json(listed.body)->at("adapters").as_array().size(), 1u);
  EXPECT_EQ(status(Method::kDelete, "/console/adapters/tiny:nothing", {.key = "sk-good"}), 404);
  EXPECT_EQ(status(Method::kDelete, "/console/adapters/tiny:sql", {.key = "sk-good"}), 200);
  EXPECT_EQ(models_.all().size(), 1u);
  // The page's own way in is the session.
  const std::string cookie = log_in();
  EXPECT_EQ(status(Method::kPost, "/console/api/adapters", {.origin = origin_, .cookie = cookie, .body = body}), 200);
  EXPECT_EQ(status(Method::kGet, "/console/api/adapters", {.cookie = cookie}), 200);
  EXPECT_EQ(status(Method::kDelete, "/console/api/adapters/tiny:sql", {.origin = kForeign, .cookie = cookie}), 403);
  EXPECT_EQ(models_.all().size(), 2u);
}

TEST_F(RoutesTest, AnAdapterThatCannotBeAddedIsToldWhyAndWhere) {
  models_.add({.name = "tiny", .aliases = {}, .created = 1, .text = nullptr});
  const std::tuple<const char*, int, const char*> faults[] = {
      {R"({})", 400, "model"},
      {R"({"model": "tiny"})", 400, "name"},
      {R"({"model": 1, "name": "x"})", 400, "model"},
      {R"({"model": "tiny", "name": "x", "path": "/etc/passwd"})", 400, "path"},
      {R"({"model": "nothing", "name": "x"})", 404, "model"},
      {R"({"model": "tiny", "name": "bad"})", 409, "name"},
      {R"([])", 400, ""},
  };
  for (const auto& [body, wanted, param] : faults) {
    ClientResponse answer = call(Method::kPost, "/console/adapters", {.key = "sk-good", .body = body});
    EXPECT_EQ(answer.status, wanted) << body;
    EXPECT_EQ(error_text(answer, "param"), param) << body;
  }
  const std::string made = keys_->make("program")->key;
  const std::string good = R"({"model": "tiny", "name": "x"})";
  EXPECT_EQ(status(Method::kPost, "/console/adapters", {.key = made, .body = good}), 403);
  EXPECT_EQ(status(Method::kGet, "/console/adapters", {.key = made}), 403);
  EXPECT_EQ(models_.all().size(), 1u);
}

}  // namespace
}  // namespace studio::api::console
