// The Anthropic dialect's routes, under /apps/anthropic/v1, /v1 and an older name of the first.
#pragma once

#include <memory>

#include "api/serving/services.h"
#include "http/exchange.h"
#include "http/router.h"

namespace studio::api::anthropic {

void add_routes(const Services& services, http::Router& router);

// Whether a request speaks this dialect, by its path or by the field that its clients send: answers that the server
// gives itself, and GET /v1/models, are then in its words.
bool is_spoken(const http::Request& request);
// GET /v1/models and /v1/models/{id} for such a request.
void list_models(const Services& services, const std::shared_ptr<http::Exchange>& exchange);
void show_model(const Services& services, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace studio::api::anthropic
