// The OpenAI dialect's routes, under /v1 and /compatible-mode/v1; but /v1/models, which other dialects have too, is
// api/model_routes.h's.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/serving/services.h"
#include "http/exchange.h"
#include "http/router.h"

namespace studio::api::openai {

void add_routes(const Services& services, http::Router& router);
// The same under another prefix, models included, for whoever passes `auth`.
void add_routes_at(const std::string& prefix, http::AuthClass auth, const Services& services, http::Router& router);

// What answers a line of a batch that names this url, on an exchange that came over no connection; nullptr: nothing
// does.
using Handler = void (*)(const Services&, const std::shared_ptr<http::Exchange>&);
Handler handler_of_line(std::string_view url);
inline constexpr const char* kLineEndpoints =
    "/v1/chat/completions, /v1/completions, /v1/embeddings or /v1/chat/ds-test";

// GET models and models/{id}.
void list_models(const Services& services, const std::shared_ptr<http::Exchange>& exchange);
void show_model(const Services& services, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace studio::api::openai
