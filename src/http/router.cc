#include "http/router.h"

#include <algorithm>
#include <optional>

#include "base/nearest_name.h"

namespace studio::http {
namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    size_t slash = path.find('/');
    if (slash != 0) segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return segments;
}

bool is_parameter(std::string_view part) {
  return part.starts_with('{');
}
bool is_tail(std::string_view part) {
  return part.ends_with("...}");
}
std::string parameter_name(std::string_view part) {
  return std::string(part.substr(1, part.size() - (is_tail(part) ? 5 : 2)));
}

using Parameters = std::vector<std::pair<std::string, std::string>>;

std::optional<Parameters> match_pattern(const std::vector<std::string_view>& pattern,
                                        const std::vector<std::string>& segments) {
  Parameters parameters;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (i >= segments.size()) return std::nullopt;
    if (is_tail(pattern[i])) {
      std::string rest = segments[i];
      for (size_t j = i + 1; j < segments.size(); ++j) rest += "/" + segments[j];
      parameters.emplace_back(parameter_name(pattern[i]), std::move(rest));
      return parameters;
    }
    if (is_parameter(pattern[i])) {
      parameters.emplace_back(parameter_name(pattern[i]), segments[i]);
    } else if (pattern[i] != segments[i]) {
      return std::nullopt;
    }
  }
  if (segments.size() != pattern.size()) return std::nullopt;
  return parameters;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      bool whole = i + 2 < text.size();
      int high = whole ? hex_value(text[i + 1]) : -1;
      int low = whole ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return Error(Code::kInvalidArgument, "The path holds a broken %-escape.");
      c = static_cast<char>(high << 4 | low);
      i += 2;
    }
    if (c == '\0') return Error(Code::kInvalidArgument, "The path holds a NUL byte.");
    out += c;
  }
  return out;
}

Router::Match Router::match(Method method, std::string_view path) const {
  Match match;
  std::vector<std::string> segments;
  for (std::string_view raw : split(path)) {
    auto decoded = percent_decode(raw);
    if (!decoded.ok()) {
      match.malformed = true;
      return match;
    }
    segments.push_back(std::move(*decoded));
  }
  Method wanted = method == Method::kHead ? Method::kGet : method;
  size_t best_parameters = SIZE_MAX;
  for (const Route& route : routes_) {
    auto parameters = match_pattern(split(route.pattern), segments);
    if (!parameters) continue;
    if (route.method != wanted) {
      if (match.allow.find(method_name(route.method)) == std::string::npos) {
        match.allow += (match.allow.empty() ? "" : ", ") + std::string(method_name(route.method));
      }
    } else if (parameters->size() < best_parameters) {
      best_parameters = parameters->size();
      match.route = &route;
      match.parameters = std::move(*parameters);
    }
  }
  return match;
}

std::string Router::suggestion(std::string_view path) const {
  std::vector<std::string> patterns;
  for (const Route& route : routes_) {
    if (route.pattern.size() < 2 || route.pattern.find('{') != std::string::npos) continue;
    // A base address without its prefix, or with it twice, is the commonest slip.
    bool is_end = path.size() > 1 && (route.pattern.ends_with(path) || path.ends_with(route.pattern));
    if (is_end) return "; did you mean '" + route.pattern + "'?";
    patterns.push_back(route.pattern);
  }
  return did_you_mean(path, patterns);
}

}  // namespace studio::http
