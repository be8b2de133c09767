// The OpenAI dialect's routes, under /v1 and /compatible-mode/v1.
#pragma once

#include <string>

#include "api/serving/services.h"
#include "http/router.h"

namespace studio::api::openai {

void add_routes(const Services& services, http::Router& router);
// The same under another prefix, for whoever passes `auth`.
void add_routes_at(const std::string& prefix, http::AuthClass auth, const Services& services, http::Router& router);

}  // namespace studio::api::openai
