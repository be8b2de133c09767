#include "api/console/session_cookie.h"

#include <algorithm>

namespace studio::api::console {
namespace {

constexpr std::string_view kPath = "/console";

std::string cookie_name(const http::Request& request) {
  std::string name = "studio_session";
  const std::string* host = request.fields.find("host");
  size_t colon = host ? host->rfind(':') : std::string::npos;
  if (colon == std::string::npos) return name;
  std::string_view port = std::string_view(*host).substr(colon + 1);
  bool is_port =
      !port.empty() && port.size() <= 5 && std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
  return is_port ? name + "_" + std::string(port) : name;
}

}  // namespace

std::string set_session_cookie(const http::Request& request, std::string_view token, std::chrono::seconds lifetime) {
  std::string cookie = cookie_name(request) + "=" + std::string(token) + "; Path=" + std::string(kPath) +
                       "; Max-Age=" + std::to_string(lifetime.count()) + "; HttpOnly; SameSite=Strict";
  if (request.scheme == "https") cookie += "; Secure";
  return cookie;
}

std::string clear_session_cookie(const http::Request& request) {
  return set_session_cookie(request, "", std::chrono::seconds(0));
}

bool any_session_cookie(const http::Request& request, const std::function<bool(std::string_view)>& is_wanted) {
  const std::string name = cookie_name(request);
  for (const http::Field& field : request.fields) {
    if (!http::equal_ignoring_case(field.name, "cookie")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      size_t end = rest.find(';');
      std::string_view pair = http::trim_blanks(rest.substr(0, end));
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      size_t equals = pair.find('=');
      if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
      if (is_wanted(pair.substr(equals + 1))) return true;
    }
  }
  return false;
}

}  // namespace studio::api::console
