#include "api/console/adapter_routes.h"

#include <boost/json.hpp>

#include "api/console/answers.h"
#include "base/json.h"

namespace studio::api::console {
namespace {

namespace json = boost::json;

constexpr size_t kMaxNameBytes = 96;  // of a model or an adapter: as long as a name in the library may be
constexpr size_t kMaxAddBytes = 64 + 2 * kMaxNameBytes;

json::object json_of(const ServedModel& adapter) {
  return {{"name", adapter.name}, {"model", adapter.base}, {"sha256", adapter.adapter}, {"created", adapter.created}};
}

void list_adapters(const Services& services, const ConsoleServices&, const ExchangePtr& exchange) {
  json::array list;
  for (const ServedModelPtr& model : services.models->all()) {
    if (!model->adapter.empty()) list.push_back(json_of(*model));
  }
  send(exchange, http::Response::json(200, to_json(json::object{{"adapters", std::move(list)}})));
}

struct Wanted {
  std::string model, name;
};

Result<Wanted> wanted_of(const std::string& body) {
  STUDIO_TRY(json::value value, parse_json(body, {.depth = 2, .bytes = kMaxAddBytes}));
  const json::object* object = value.if_object();
  if (!object) return Error(Code::kInvalidArgument, "The body must be an object with model and name.");
  Wanted wanted;
  for (const auto& member : *object) {
    const std::string field(member.key());
    if (field != "model" && field != "name") {
      return Error(Code::kInvalidArgument, field + ": there is no such field; an adapter has model and name.")
          .with_param(field);
    }
    if (!member.value().is_string())
      return Error(Code::kInvalidArgument, field + ": it must be a text.").with_param(field);
    (field == "model" ? wanted.model : wanted.name) = std::string(member.value().get_string());
  }
  if (wanted.model.empty()) return Error(Code::kInvalidArgument, "model: an adapter needs one.").with_param("model");
  if (wanted.name.empty()) return Error(Code::kInvalidArgument, "name: an adapter needs one.").with_param("name");
  return wanted;
}

void add_adapter(const Services&, const ConsoleServices& console, const ExchangePtr& exchange) {
  auto wanted = wanted_of(exchange->request().body);
  if (!wanted.ok()) return refuse(exchange, wanted.error());
  console.adapters->add(wanted->model, wanted->name, [exchange](const Result<ServedModelPtr>& added) {
    if (!added.ok()) return refuse(exchange, added.error());
    send(exchange, http::Response::json(200, to_json(json_of(**added))));
  });
}

void remove_adapter(const Services&, const ConsoleServices& console, const ExchangePtr& exchange) {
  const std::string name(exchange->request().path_parameter("name"));
  console.adapters->remove(name, [exchange, name](const Status& removed) {
    if (!removed.ok()) return refuse(exchange, removed.error());
    send(exchange, http::Response::json(200, to_json(json::object{{"removed", name}})));
  });
}

}  // namespace

void add_adapter_routes(const Services& services, const ConsoleServices& console, http::Router& router) {
  using http::AuthClass, http::Method;
  using Function = void (*)(const Services&, const ConsoleServices&, const ExchangePtr&);
  auto add = [&](Method method, const std::string& path, AuthClass auth, size_t body_bytes, Function function) {
    router.add(http::Route(method, path, auth, body_bytes, [services, console, function](ExchangePtr exchange) {
      if (is_owner(console, exchange)) function(services, console, exchange);
    }));
  };
  for (const auto& [prefix, auth] :
       {std::pair("/console/api/adapters", AuthClass::kSession), std::pair("/console/adapters", AuthClass::kKey)}) {
    add(Method::kGet, prefix, auth, 0, list_adapters);
    add(Method::kPost, prefix, auth, kMaxAddBytes, add_adapter);
    add(Method::kDelete, std::string(prefix) + "/{name...}", auth, 0, remove_adapter);
  }
}

}  // namespace studio::api::console
