// Any path through the route table: a route, 404, 405 or 400, and parameters without a NUL that decode from what was
// sent. The same bytes as a query.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/query.h"
#include "http/router.h"

namespace {

using namespace studio::http;

void check(bool holds) {
  if (!holds) std::abort();
}

Router make_router() {
  Router router;
  for (auto [method, pattern] : {std::pair{Method::kGet, "/v1/models/{id...}"},
                                 {Method::kGet, "/v1/models"},
                                 {Method::kPost, "/v1/models/{id}/{part}"},
                                 {Method::kPost, "/v1/chat/completions"},
                                 {Method::kDelete, "/v1/models/{id}"},
                                 {Method::kGet, "/"}}) {
    router.add(Route(method, pattern, AuthClass::kPublic, 0, nullptr));
  }
  return router;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Router kRouter = make_router();
  const std::string_view path(reinterpret_cast<const char*>(data), size);
  for (Method method : {Method::kGet, Method::kHead, Method::kPost, Method::kDelete}) {
    const Router::Match match = kRouter.match(method, path);
    check(!(match.malformed && match.route != nullptr));
    if (match.route == nullptr) continue;
    check(method == Method::kHead ? match.route->method == Method::kGet : match.route->method == method);
    for (const auto& [name, value] : match.parameters) {
      check(!name.empty() && !value.empty() && value.size() <= path.size() && value.find('\0') == std::string::npos);
    }
  }
  (void)kRouter.suggestion(path);
  if (auto decoded = percent_decode(path); decoded.ok()) check(decoded->size() <= size);
  if (auto query = Query::parse(path); query.ok()) {
    check(query->all().size() <= kMaxParameters);
    for (const auto& [name, value] : query->all()) check(query->find(name) == &value && value.size() <= size);
  }
  return 0;
}
