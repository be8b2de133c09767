// The console's routes: its files for everybody, its API for those who logged in.
//
//   GET  /, /login, /assets/...        the page
//   POST /console/api/login            a link's token for a session's cookie
//   GET  /console/api/session          who am I
//   POST /console/api/logout, /reveal_key
//   *    /console/api/keys             key_routes.h
//   *    /console/api/adapters         adapter_routes.h
//   *    /console/api/v1/...           the OpenAI dialect, with the session in the place of a key
//   POST /console/links                with the server's own key, not a cookie: a new link (`studio console`)
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/console/sessions.h"
#include "api/serving/adapter_desk.h"
#include "api/serving/services.h"
#include "http/router.h"
#include "keys/key_ring.h"

namespace studio::api::console {

struct ConsoleServices {
  std::shared_ptr<Sessions> sessions;
  // The key that the server was started with, for the page's code samples once it is asked for.
  std::function<Result<std::string>()> reveal_key;
  std::shared_ptr<keys::KeyRing> keys;
  std::function<bool(const http::Request&)> is_lent = {};  // such a request comes by a temporary key
  AdapterDesk* adapters = nullptr;                         // outlives the server
};

// For http::ServerOptions::authenticate_session. Errors: permission_denied where another origin asks, unauthenticated
// without a session.
std::function<Result<std::string>(const http::Request&)> session_authenticator(std::shared_ptr<Sessions> sessions);

void add_routes(const Services& services, const ConsoleServices& console, http::Router& router);

}  // namespace studio::api::console
