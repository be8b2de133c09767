#include "http/origin_check.h"

#include <algorithm>

namespace studio::http {
namespace {

// A browser asks again after this long, so that a changed configuration is seen; browsers allow 2 to 24 hours.
constexpr const char* kPreflightSeconds = "600";
// What a page may read beside the body. Names that exist in our answers.
constexpr const char* kReadableFields =
    "X-Request-Id, Retry-After, X-Studio-Ignored, X-Studio-Answer, Idempotent-Replayed";
constexpr size_t kMaxHostBytes = 253;  // of a DNS name, RFC 1035

constexpr std::string_view kLoopbackNames[] = {"localhost", "127.0.0.1", "::1"};

// "host" of "host", "host:port" and "[v6]:port", without brackets.
std::string_view host_name(std::string_view host) {
  if (host.starts_with('[')) {
    size_t end = host.find(']');
    return end == std::string_view::npos ? host : host.substr(1, end - 1);
  }
  return host.substr(0, host.find(':'));
}

// A port that is the scheme's own is not written in an origin.
std::string_view without_default_port(std::string_view host, std::string_view scheme) {
  std::string_view port = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(port)) host.remove_suffix(port.size());
  return host;
}

bool matches(std::string_view name, std::string_view host) {
  if (!name.starts_with("*.")) return equal_ignoring_case(name, host);
  size_t dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 && equal_ignoring_case(name.substr(1), host.substr(dot));
}

bool has_value(const Fields& fields, std::string_view name, std::string_view value) {
  const std::string* field = fields.find(name);
  return field != nullptr && *field == value;
}

// A person followed a link or wrote the address: the page that held the link sees nothing of the answer.
bool is_navigation(const Request& request) {
  return (request.method == Method::kGet || request.method == Method::kHead) &&
         has_value(request.fields, "sec-fetch-mode", "navigate") &&
         has_value(request.fields, "sec-fetch-dest", "document");
}

bool is_name_list(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == ',' || c == ' ';
  });
}

}  // namespace

bool answers_to(std::string_view host, const std::vector<std::string>& names, std::string_view local_address) {
  std::string_view name = host_name(host);
  if (!local_address.empty() && equal_ignoring_case(name, local_address)) return true;
  for (std::string_view loopback : kLoopbackNames) {
    if (equal_ignoring_case(name, loopback)) return true;
  }
  return std::ranges::any_of(names, [&](const std::string& allowed) { return matches(allowed, name); });
}

PageOrigin check_origin(const Request& request, const std::vector<std::string>& origins) {
  const std::string* origin = request.fields.find_only("origin");
  if (origin == nullptr && request.fields.find("origin") != nullptr) return PageOrigin::kForeign;  // two of them
  if (origin == nullptr) {
    const std::string* site = request.fields.find("sec-fetch-site");
    bool is_elsewhere = site != nullptr && *site != "same-origin" && *site != "none";
    return is_elsewhere && !is_navigation(request) ? PageOrigin::kForeign : PageOrigin::kNone;
  }
  const std::string* host = request.fields.find("host");
  if (host != nullptr) {
    std::string own = request.scheme + "://" + std::string(without_default_port(*host, request.scheme));
    if (equal_ignoring_case(own, *origin)) return PageOrigin::kOwn;
  }
  bool is_allowed = std::ranges::find(origins, *origin) != origins.end();
  return is_allowed ? PageOrigin::kAllowed : PageOrigin::kForeign;
}

Status check_origin_setting(const std::string& origin) {
  auto wrong = [&](const std::string& why) {
    return Error(Code::kInvalidArgument, "'" + origin + "' is not an origin: " + why);
  };
  if (origin == "*")
    return wrong("every page would be let in; name those that may call, such as https://app.example.com");
  size_t scheme = origin.find("://");
  if (scheme == std::string::npos || scheme == 0) {
    return wrong("it begins with a scheme, such as https://app.example.com");
  }
  std::string_view host = std::string_view(origin).substr(scheme + 3);
  if (host.empty()) return wrong("a host is missing after the scheme");
  if (host.find_first_of("/?#@ ") != std::string_view::npos) {
    return wrong("it is scheme, host and port alone, without a path or a slash at the end");
  }
  bool has_upper = std::ranges::any_of(origin, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (has_upper) return wrong("browsers send origins in lower case");
  std::string own = origin.substr(0, scheme);
  if (without_default_port(host, own) != host) return wrong("browsers leave out the scheme's own port");
  return Ok{};
}

Result<std::string> host_setting(const std::string& host) {
  std::string name = host;
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') name = name.substr(1, name.size() - 2);
  std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  bool is_plain = !name.empty() && name.size() <= kMaxHostBytes && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == ':';
  });
  bool has_port = std::ranges::count(name, ':') == 1;  // two and more are an IPv6 address
  if (!is_plain || has_port) {
    return Error(Code::kInvalidArgument,
                 "'" + host + "' is not a host: write a name or an address, without scheme, port or path");
  }
  return name;
}

bool is_preflight(const Request& request) {
  return request.method == Method::kOptions && request.fields.find("access-control-request-method") != nullptr;
}

Response preflight_answer(const Request& request, const std::string& methods) {
  Response response;
  response.status = 204;
  response.fields.add("Access-Control-Allow-Methods", methods);
  // The names that the page wishes to send are said back: a list of ours would not hold what the next SDK adds.
  const std::string* wished = request.fields.find("access-control-request-headers");
  if (wished != nullptr && is_name_list(*wished)) response.fields.add("Access-Control-Allow-Headers", *wished);
  response.fields.add("Access-Control-Max-Age", kPreflightSeconds);
  if (request.fields.find("access-control-request-private-network") != nullptr) {
    response.fields.add("Access-Control-Allow-Private-Network", "true");
  }
  return response;
}

void add_cors_fields(const std::string& origin, Fields& fields) {
  fields.set("Access-Control-Allow-Origin", origin);
  fields.set("Access-Control-Expose-Headers", kReadableFields);
  fields.add("Vary", "Origin");
}

}  // namespace studio::http
