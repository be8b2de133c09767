#include "api/console/routes.h"

#include <boost/json.hpp>

#include "api/console/adapter_routes.h"
#include "api/console/answers.h"
#include "api/console/key_routes.h"
#include "api/console/same_origin.h"
#include "api/console/session_cookie.h"
#include "api/console/static_files.h"
#include "api/openai/routes.h"
#include "base/json.h"
#include "base/log.h"
#include "http/exchange.h"

namespace studio::api::console {
namespace {

namespace json = boost::json;
using ExchangePtr = std::shared_ptr<http::Exchange>;

constexpr size_t kMaxLoginBytes = 512;  // {"token": 32 digits}
constexpr size_t kMaxEmptyBytes = 2;    // {}

Error other_origin() {
  return Error(Code::kPermissionDenied, "The console's API answers to the console's own page alone.");
}

Error no_session() {
  return Error(Code::kUnauthenticated, "You are not logged in; `studio console` prints a link that does it.");
}

std::optional<Session> session_of(Sessions& sessions, const http::Request& request) {
  std::optional<Session> session;
  any_session_cookie(request, [&](std::string_view token) {
    session = sessions.find(token);
    return session.has_value();
  });
  return session;
}

Result<std::string> token_of(const std::string& body) {
  STUDIO_TRY(json::value value, parse_json(body, {.depth = 2, .bytes = kMaxLoginBytes}));
  const json::object* object = value.if_object();
  const json::value* token = object && object->size() == 1 ? object->if_contains("token") : nullptr;
  if (token == nullptr || !token->is_string()) {
    return Error(Code::kInvalidArgument, "The body must be an object with a text named token, and nothing else.")
        .with_param("token");
  }
  return std::string(token->get_string());
}

void log_in(const ConsoleServices& console, const ExchangePtr& exchange) {
  const http::Request& request = exchange->request();
  if (!is_same_origin(request)) return refuse(exchange, other_origin());
  auto token = token_of(request.body);
  if (!token.ok()) return refuse(exchange, token.error());
  auto session = console.sessions->log_in(*token);
  log::info("console.login", {{"request_id", request.request_id}, {"is_let_in", session.ok()}});
  if (!session.ok()) return refuse(exchange, session.error());
  http::Response response = http::Response::json(200, "{}");
  response.fields.add("Set-Cookie", set_session_cookie(request, *session, kSessionLifetime));
  send(exchange, std::move(response));
}

void show_session(const ConsoleServices& console, const ExchangePtr& exchange) {
  auto session = session_of(*console.sessions, exchange->request());
  if (!session) return refuse(exchange, no_session());  // it ended since it was let in
  auto ends_at = std::chrono::system_clock::to_time_t(session->ends_at);
  send(exchange,
       http::Response::json(200, to_json(json::object{{"key_id", session->principal}, {"ends_at", int64_t{ends_at}}})));
}

void log_out(const ConsoleServices& console, const ExchangePtr& exchange) {
  const http::Request& request = exchange->request();
  any_session_cookie(request, [&](std::string_view token) {
    console.sessions->log_out(token);
    return false;
  });
  http::Response response = http::Response::json(200, "{}");
  response.fields.add("Set-Cookie", clear_session_cookie(request));
  send(exchange, std::move(response));
}

void reveal_key(const ConsoleServices& console, const ExchangePtr& exchange) {
  auto key = console.reveal_key();
  log::info("console.key_revealed",
            {{"request_id", exchange->request().request_id}, {"key_id", exchange->request().principal}});
  if (!key.ok()) return refuse(exchange, key.error());
  send(exchange, http::Response::json(200, to_json(json::object{{"key", *key}})));
}

void make_link(const ConsoleServices& console, const ExchangePtr& exchange) {
  if (!is_owner(console, exchange)) return;
  std::string token = console.sessions->new_link(exchange->request().principal);
  auto seconds = std::chrono::seconds(kLinkLifetime).count();
  send(exchange, http::Response::json(200, to_json(json::object{{"token", token}, {"expires_in", seconds}})));
}

void add_files(http::Router& router) {
  for (const EmbeddedFile& file : embedded_files()) {
    auto add = [&](const std::string& path) {
      router.add(http::Route(http::Method::kGet, path, http::AuthClass::kPublic, 0, [&file](ExchangePtr exchange) {
        exchange->respond(file_response(file, exchange->request()));
      }));
    };
    if (file.path != "index.html") {
      add("/" + std::string(file.path));
      continue;
    }
    for (const char* page : {"/", "/login", "/keys"}) add(page);  // the page's own routes (console/src/app/routes.ts)
  }
}

}  // namespace

std::function<Result<std::string>(const http::Request&)> session_authenticator(std::shared_ptr<Sessions> sessions) {
  return [sessions = std::move(sessions)](const http::Request& request) -> Result<std::string> {
    if (!is_same_origin(request)) return other_origin();
    auto session = session_of(*sessions, request);
    if (!session) return no_session();
    return session->principal;
  };
}

void add_routes(const Services& services, const ConsoleServices& console, http::Router& router) {
  using http::AuthClass, http::Method;
  using Function = void (*)(const ConsoleServices&, const ExchangePtr&);
  auto add = [&](Method method, const std::string& path, AuthClass auth, size_t body_bytes, Function function) {
    router.add(http::Route(method, path, auth, body_bytes,
                           [console, function](ExchangePtr exchange) { function(console, exchange); }));
  };
  add_files(router);
  add(Method::kPost, "/console/api/login", AuthClass::kPublic, kMaxLoginBytes, log_in);
  add(Method::kGet, "/console/api/session", AuthClass::kSession, 0, show_session);
  add(Method::kPost, "/console/api/logout", AuthClass::kSession, 0, log_out);
  add(Method::kPost, "/console/api/reveal_key", AuthClass::kSession, 0, reveal_key);
  add(Method::kPost, "/console/links", AuthClass::kKey, kMaxEmptyBytes, make_link);
  add_key_routes(console, router);
  add_adapter_routes(services, console, router);
  openai::add_routes_at("/console/api/v1", AuthClass::kSession, services, router);
}

}  // namespace studio::api::console
