// Who a request comes from: the key in `Authorization: Bearer KEY`, or in `x-api-key: KEY` as some clients send it,
// checked by its digest. Where both are there, either may be the valid one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/auth.h"
#include "base/result.h"
#include "http/message.h"

namespace studio::api {

// For http::ServerOptions::authenticate: the key's id. Errors: unauthenticated, the same for no key and a wrong one:
// what it says beside that is of the request's form alone (key_hint.h).
std::function<Result<std::string>(const http::Request&)> bearer_authenticator(std::shared_ptr<KeyVerifier> keys);

// Whether either of the two is of a temporary key's form (keys/key_ring.h): such a request makes and changes no keys.
bool has_temporary_key(const http::Request& request);

}  // namespace studio::api
