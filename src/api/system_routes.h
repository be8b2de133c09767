// What operators and their tools ask: health, readiness, metrics. No dialect's business.
#pragma once

#include <atomic>

#include "api/serving/services.h"
#include "http/router.h"

namespace studio::api {

// /healthz: 200 where every model produced a token lately or could; /readyz: that, and not draining; /metrics (with a
// key, as it tells of models and load).
void add_system_routes(const Services& services, const std::atomic<bool>* is_draining, http::Router& router);

// `/` of a server without a console: what this is.
void add_plain_front_page(http::Router& router);

}  // namespace studio::api
