#include "api/dashscope/token_routes.h"

#include <boost/json.hpp>

#include "api/dashscope/errors.h"
#include "api/files/list_query.h"
#include "base/json.h"
#include "base/log.h"
#include "http/exchange.h"

namespace studio::api::dashscope {
namespace {

namespace json = boost::json;
using ExchangePtr = std::shared_ptr<http::Exchange>;

constexpr size_t kMaxEmptyBytes = 2;  // {}: clients send it, or nothing

Result<keys::LentKey> lend(const TokenDesk& desk, const http::Request& request) {
  if (desk.is_lent(request)) {
    return Error(Code::kPermissionDenied, "A temporary key makes no other one; ask with the key that it stands for.");
  }
  STUDIO_TRY(const auto query, ListQuery::parse(request.query, {"expire_in_seconds"}));
  STUDIO_TRY(const int64_t seconds, query.number("expire_in_seconds", 1, keys::kMaxLentSeconds, kLentSeconds));
  return desk.lend(request.principal, seconds);
}

void make_token(const TokenDesk& desk, const ExchangePtr& exchange) {
  const http::Request& request = exchange->request();
  auto lent = lend(desk, request);
  if (!lent.ok()) return exchange->respond(error_response(lent.error(), request.request_id));
  log::info("key.lent", {{"request_id", request.request_id}, {"key_id", request.principal}});
  http::Response response =
      http::Response::json(200, to_json(json::object{{"token", lent->key}, {"expires_at", lent->expires_at}}));
  response.fields.add("Cache-Control", "no-store");
  exchange->respond(std::move(response));
}

}  // namespace

void add_token_routes(const TokenDesk& desk, http::Router& router) {
  router.add(http::Route(http::Method::kPost, "/api/v1/tokens", http::AuthClass::kKey, kMaxEmptyBytes,
                         [desk](ExchangePtr exchange) { make_token(desk, exchange); }));
}

}  // namespace studio::api::dashscope
