#include "api/bearer.h"

#include <algorithm>
#include <array>

#include "api/key_hint.h"
#include "keys/key_ring.h"

namespace studio::api {
namespace {

constexpr std::string_view kScheme = "Bearer";

Error refused(const http::Request& request) {
  return Error(Code::kUnauthenticated,
               "A valid key is missing. Send it as `Authorization: Bearer KEY` or `x-api-key: KEY`; on this server's "
               "machine it stands in the file `key` of its data folder." +
                   key_hint(request));
}

// Empty where the field is not of the scheme, whose name has no case (RFC 9110, 11.1).
std::string_view bearer_key(std::string_view field) {
  size_t space = field.find(' ');
  if (space == std::string_view::npos || !http::equal_ignoring_case(field.substr(0, space), kScheme)) return {};
  return http::trim_blanks(field.substr(space));
}

// In the order in which they are tried; empty where a field is missing. Of two fields of one name, a proxy may have
// read the other: neither counts.
std::array<std::string_view, 2> keys_in(const http::Request& request) {
  const std::string* bearer = request.fields.find_only("authorization");
  const std::string* plain = request.fields.find_only("x-api-key");
  return {bearer ? bearer_key(*bearer) : std::string_view(), plain ? http::trim_blanks(*plain) : std::string_view()};
}

}  // namespace

std::function<Result<std::string>(const http::Request&)> bearer_authenticator(std::shared_ptr<KeyVerifier> keys) {
  return [keys = std::move(keys)](const http::Request& request) -> Result<std::string> {
    for (std::string_view key : keys_in(request)) {
      if (key.empty()) continue;
      if (auto identity = keys->verify(digest_key(key))) return identity->key_id;
    }
    return refused(request);
  };
}

bool has_temporary_key(const http::Request& request) {
  return std::ranges::any_of(keys_in(request), keys::is_temporary_form);
}

}  // namespace studio::api
