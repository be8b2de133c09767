#include "http/request_id.h"

#include <algorithm>

namespace studio::http {
namespace {

bool is_identifier(const std::string& text) {
  if (text.size() < kMinClientRequestIdBytes || text.size() > kMaxClientRequestIdBytes) return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '-';
  });
}

}  // namespace

std::string client_request_id(const Fields& fields) {
  for (const char* name : {kClientRequestIdHeader, "X-Request-Id"}) {
    const std::string* value = fields.find(name);
    if (value != nullptr && is_identifier(*value)) return *value;
  }
  return {};
}

}  // namespace studio::http
