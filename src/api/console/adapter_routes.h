// Adapters of the models, listed, added and removed while the server runs. Two ways in: a session, and the server's own
// key (`studio adapter`). Files lie in the data folder already: no reader of theirs runs in this process.
//
//   GET    /console/api/adapters            /console/adapters            {"adapters": [...]}
//   POST   /console/api/adapters            /console/adapters            {"model": "...", "name": "..."}
//   DELETE /console/api/adapters/{name...}  /console/adapters/{name...}  by the whole name, "model:name"
#pragma once

#include "api/console/routes.h"

namespace studio::api::console {

void add_adapter_routes(const Services& services, const ConsoleServices& console, http::Router& router);

}  // namespace studio::api::console
