// The keys of the API, listed, made and revoked. Two ways in: a session, and the server's own key (`studio key`).
//
//   GET    /console/api/keys       /console/keys         {"keys": [...], "max": 100}
//   POST   /console/api/keys       /console/keys         {"name": "..."} for a key, which is told in this answer alone
//   DELETE /console/api/keys/{id}  /console/keys/{id}    revokes: from the answer on the key opens nothing
#pragma once

#include "api/console/routes.h"

namespace studio::api::console {

void add_key_routes(const ConsoleServices& console, http::Router& router);

}  // namespace studio::api::console
