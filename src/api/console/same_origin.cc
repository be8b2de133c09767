#include "api/console/same_origin.h"

#include "http/origin_check.h"

namespace studio::api::console {

bool is_same_origin(const http::Request& request) {
  const std::string* site = request.fields.find("sec-fetch-site");
  if (site != nullptr && *site != "same-origin") return false;
  const http::PageOrigin origin = http::check_origin(request, {});
  const bool is_reading = request.method == http::Method::kGet || request.method == http::Method::kHead;
  return origin == http::PageOrigin::kOwn || (origin == http::PageOrigin::kNone && is_reading);
}

}  // namespace studio::api::console
