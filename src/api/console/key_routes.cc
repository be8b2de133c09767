#include "api/console/key_routes.h"

#include <boost/json.hpp>

#include "api/console/answers.h"
#include "base/json.h"
#include "base/log.h"
#include "keys/key_json.h"

namespace studio::api::console {
namespace {

namespace json = boost::json;

// {"name": "..."}: each of its characters may come as two escapes, "\ud83d\ude00".
constexpr size_t kMaxMakeBytes = 64 + keys::kMaxNameCharacters * 12;

void list_keys(const ConsoleServices& console, const ExchangePtr& exchange) {
  json::array list;
  for (const keys::KeyInfo& info : console.keys->list()) list.push_back(keys::json_of(info));
  json::object answer{{"keys", std::move(list)}, {"max", keys::kMaxMadeKeys}};
  send(exchange, http::Response::json(200, to_json(answer)));
}

Result<std::string> name_of(const std::string& body) {
  STUDIO_TRY(json::value value, parse_json(body, {.depth = 2, .bytes = kMaxMakeBytes}));
  const json::object* object = value.if_object();
  if (!object) return Error(Code::kInvalidArgument, "The body must be an object with a text called name.");
  for (const auto& member : *object) {
    if (member.key() == "name") continue;
    return Error(Code::kInvalidArgument,
                 std::string(member.key()) + ": there is no such field; a key has a name alone.")
        .with_param(std::string(member.key()));
  }
  const json::value* name = object->if_contains("name");
  if (name && name->is_string()) return std::string(name->get_string());
  return Error(Code::kInvalidArgument, name ? "name: it must be a text." : "name: a key needs one.").with_param("name");
}

void make_key(const ConsoleServices& console, const ExchangePtr& exchange) {
  auto name = name_of(exchange->request().body);
  if (!name.ok()) return refuse(exchange, name.error());
  auto made = console.keys->make(*name);
  if (!made.ok()) return refuse(exchange, made.error());
  log::info("console.key_made", {{"request_id", exchange->request().request_id},
                                 {"key_id", made->info.key_id},
                                 {"by", exchange->request().principal}});
  send(exchange, http::Response::json(200, to_json(keys::json_of(*made))));
}

void revoke_key(const ConsoleServices& console, const ExchangePtr& exchange) {
  auto revoked = console.keys->revoke(exchange->request().path_parameter("id"));
  if (!revoked.ok()) return refuse(exchange, revoked.error());
  log::info("console.key_revoked", {{"request_id", exchange->request().request_id},
                                    {"key_id", revoked->key_id},
                                    {"by", exchange->request().principal}});
  send(exchange, http::Response::json(200, to_json(keys::json_of(*revoked))));
}

}  // namespace

void add_key_routes(const ConsoleServices& console, http::Router& router) {
  using http::AuthClass, http::Method;
  using Function = void (*)(const ConsoleServices&, const ExchangePtr&);
  auto add = [&](Method method, const char* path, AuthClass auth, size_t body_bytes, Function function) {
    router.add(http::Route(method, path, auth, body_bytes, [console, function](ExchangePtr exchange) {
      if (is_owner(console, exchange)) function(console, exchange);
    }));
  };
  auto add_both = [&](Method method, const char* with_session, const char* with_key, size_t body_bytes, Function f) {
    add(method, with_session, AuthClass::kSession, body_bytes, f);
    add(method, with_key, AuthClass::kKey, body_bytes, f);
  };
  add_both(Method::kGet, "/console/api/keys", "/console/keys", 0, list_keys);
  add_both(Method::kPost, "/console/api/keys", "/console/keys", kMaxMakeBytes, make_key);
  add_both(Method::kDelete, "/console/api/keys/{id}", "/console/keys/{id}", 0, revoke_key);
}

}  // namespace studio::api::console
