#include "api/console/same_origin.h"

namespace studio::api::console {
namespace {

constexpr std::string_view kHttp = "http://", kHttps = "https://";

// "host:port" of an Origin (RFC 6454, 6.2); empty for "null" and for schemes that no page of ours has.
std::string_view authority_of(std::string_view origin) {
  if (origin.starts_with(kHttp)) return origin.substr(kHttp.size());
  if (origin.starts_with(kHttps)) return origin.substr(kHttps.size());
  return {};
}

bool is_reading(http::Method method) {
  return method == http::Method::kGet || method == http::Method::kHead;
}

}  // namespace

bool is_same_origin(const http::Request& request) {
  const std::string* site = request.fields.find("sec-fetch-site");
  if (site != nullptr && *site != "same-origin") return false;
  const std::string* origin = request.fields.find("origin");
  if (origin == nullptr) return is_reading(request.method);
  const std::string* host = request.fields.find("host");
  std::string_view authority = authority_of(*origin);
  return host != nullptr && !authority.empty() && http::equal_ignoring_case(authority, *host);
}

bool is_from_https(const http::Request& request) {
  const std::string* origin = request.fields.find("origin");
  return request.scheme == "https" || (origin != nullptr && origin->starts_with(kHttps));
}

}  // namespace studio::api::console
