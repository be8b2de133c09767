#include "api/system_routes.h"

#include <boost/json.hpp>

#include "base/json.h"
#include "http/exchange.h"

namespace studio::api {
namespace {

namespace json = boost::json;
using ExchangePtr = std::shared_ptr<http::Exchange>;

bool is_healthy(const ServedModels& models) {
  for (const ServedModelPtr& model : models.bases()) {
    if (!model->status().ready) return false;
  }
  return true;
}

http::Response state(bool is_good, const char* good, const char* bad) {
  return http::Response::json(is_good ? 200 : 503, to_json(json::object{{"status", is_good ? good : bad}}));
}

http::Response metrics_text(const Services& services) {
  GatewayMetrics& metrics = *services.metrics;
  for (const ServedModelPtr& model : services.models->bases()) {
    metrics.take_status(model->name, model->status());
  }
  metrics.take_processes();
  metrics.open_connections.set({}, static_cast<double>(services.open_connections()));
  http::Response response = http::Response::text(200, metrics.registry.text());
  response.fields.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

}  // namespace

void add_system_routes(const Services& services, const std::atomic<bool>* is_draining, http::Router& router) {
  using http::AuthClass, http::Method, http::Route;
  router.add(Route(Method::kGet, "/healthz", AuthClass::kPublic, 0, [services](ExchangePtr exchange) {
    exchange->respond(state(is_healthy(*services.models), "ok", "unhealthy"));
  }));
  router.add(Route(Method::kGet, "/readyz", AuthClass::kPublic, 0, [services, is_draining](ExchangePtr exchange) {
    bool is_ready = !*is_draining && is_healthy(*services.models);
    exchange->respond(state(is_ready, "ready", *is_draining ? "draining" : "loading"));
  }));
  router.add(Route(Method::kGet, "/metrics", AuthClass::kKey, 0,
                   [services](ExchangePtr exchange) { exchange->respond(metrics_text(services)); }));
}

void add_plain_front_page(http::Router& router) {
  using http::AuthClass, http::Method, http::Route;
  router.add(Route(Method::kGet, "/", AuthClass::kPublic, 0, [](ExchangePtr exchange) {
    exchange->respond(http::Response::text(
        200, "Model Studio. The API is under /v1 and /compatible-mode/v1; a key goes into `Authorization: Bearer`.\n"));
  }));
}

}  // namespace studio::api
