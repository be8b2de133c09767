#include "api/model_routes.h"

#include "api/anthropic/routes.h"
#include "api/openai/routes.h"

namespace studio::api {
namespace {

using ExchangePtr = std::shared_ptr<http::Exchange>;
using Function = void (*)(const Services&, const ExchangePtr&);

void add(const char* path, const Services& services, Function openai, Function anthropic, http::Router& router) {
  router.add(http::Route(http::Method::kGet, path, http::AuthClass::kKey, 0,
                         [services, openai, anthropic](ExchangePtr exchange) {
                           (anthropic::is_spoken(exchange->request()) ? anthropic : openai)(services, exchange);
                         }));
}

}  // namespace

void add_model_routes(const Services& services, http::Router& router) {
  add("/v1/models", services, openai::list_models, anthropic::list_models, router);
  add("/v1/models/{id...}", services, openai::show_model, anthropic::show_model, router);
}

}  // namespace studio::api
