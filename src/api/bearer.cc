#include "api/bearer.h"

#include "api/key_hint.h"

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

}  // namespace

std::function<Result<std::string>(const http::Request&)> bearer_authenticator(std::shared_ptr<KeyVerifier> keys) {
  return [keys = std::move(keys)](const http::Request& request) -> Result<std::string> {
    // Of two fields of one name, a proxy may have read the other: neither counts.
    const std::string* bearer = request.fields.find_only("authorization");
    const std::string* plain = request.fields.find_only("x-api-key");
    for (std::string_view key :
         {bearer ? bearer_key(*bearer) : std::string_view(), plain ? http::trim_blanks(*plain) : std::string_view()}) {
      if (key.empty()) continue;
      if (auto identity = keys->verify(digest_key(key))) return identity->key_id;
    }
    return refused(request);
  };
}

}  // namespace studio::api
