// Routes of the Responses and Conversations interfaces, under /v1, /compatible-mode/v1 and an older name.
#pragma once

#include <memory>

#include "api/responses/background.h"
#include "api/responses/shelf.h"
#include "api/serving/services.h"
#include "http/router.h"

namespace studio::api::responses {

// What the handlers share, beside the services.
struct Desk {
  Services services;
  std::shared_ptr<Shelf> shelf;
  std::shared_ptr<Background> background;
};

void add_routes(const Desk& desk, http::Router& router);
void add_conversation_routes(const Desk& desk, http::Router& router);

// A route of this dialect under each of its doors.
using Function = void (*)(const Desk& desk, const std::shared_ptr<http::Exchange>& exchange);
void add_at_doors(http::Method method, const std::string& path, size_t body_bytes, Function function, const Desk& desk,
                  http::Router& router);

}  // namespace studio::api::responses
