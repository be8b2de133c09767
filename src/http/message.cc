#include "http/message.h"

#include <algorithm>
#include <array>

namespace studio::http {
namespace {

struct MethodName {
  Method method;
  std::string_view name;
};
constexpr std::array<MethodName, 7> kMethods = {{{Method::kGet, "GET"},
                                                 {Method::kHead, "HEAD"},
                                                 {Method::kPost, "POST"},
                                                 {Method::kPut, "PUT"},
                                                 {Method::kPatch, "PATCH"},
                                                 {Method::kDelete, "DELETE"},
                                                 {Method::kOptions, "OPTIONS"}}};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace

std::string_view method_name(Method method) {
  for (const MethodName& entry : kMethods) {
    if (entry.method == method) return entry.name;
  }
  return "OTHER";
}

Method parse_method(std::string_view name) {
  for (const MethodName& entry : kMethods) {
    if (entry.name == name) return entry.method;
  }
  return Method::kOther;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

void Fields::set(std::string_view name, std::string value) {
  std::erase_if(fields_, [&](const Field& field) { return equal_ignoring_case(field.name, name); });
  fields_.push_back({std::string(name), std::move(value)});
}

const std::string* Fields::find_only(std::string_view name) const {
  const std::string* found = nullptr;
  for (const Field& field : fields_) {
    if (!equal_ignoring_case(field.name, name)) continue;
    if (found != nullptr) return nullptr;
    found = &field.value;
  }
  return found;
}

const std::string* Fields::find(std::string_view name) const {
  for (const Field& field : fields_) {
    if (equal_ignoring_case(field.name, name)) return &field.value;
  }
  return nullptr;
}

const std::string& Request::path_parameter(std::string_view name) const {
  static const std::string kNone;
  for (const auto& [key, value] : path_parameters) {
    if (key == name) return value;
  }
  return kNone;
}

Response Response::json(int status, std::string body) {
  Response response;
  response.status = status;
  response.fields.add("Content-Type", "application/json");
  response.body = std::move(body);
  return response;
}

Response Response::text(int status, std::string body) {
  Response response;
  response.status = status;
  response.fields.add("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(body);
  return response;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

}  // namespace studio::http
