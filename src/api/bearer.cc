#include "api/bearer.h"

namespace studio::api {
namespace {

constexpr std::string_view kScheme = "Bearer";

Error refused() {
  return Error(
      Code::kUnauthenticated,
      "A valid key is missing. Send it as `Authorization: Bearer KEY`; on this server's machine it stands in the "
      "file `key` of its data folder.");
}

// Empty where the field is not of the scheme, whose name has no case (RFC 9110, 11.1).
std::string_view bearer_key(std::string_view field) {
  size_t space = field.find(' ');
  if (space == std::string_view::npos || !http::equal_ignoring_case(field.substr(0, space), kScheme)) return {};
  return http::trim_blanks(field.substr(space));
}

}  // namespace

std::function<Result<std::string>(const http::Request&)> bearer_authenticator(std::shared_ptr<KeyVerifier> keys) {
  return [keys = std::move(keys)](const http::Request& request) -> Result<std::string> {
    const std::string* field = request.fields.find_only("authorization");  // of two, a proxy may have read the other
    std::string_view key = field ? bearer_key(*field) : std::string_view();
    if (key.empty()) return refused();
    auto identity = keys->verify(digest_key(key));
    if (!identity) return refused();
    return identity->key_id;
  };
}

}  // namespace studio::api
