// The Ollama dialect's routes, under /api: chat, generate, and what its clients ask of models.
#pragma once

#include "api/serving/services.h"
#include "http/message.h"
#include "http/router.h"

namespace studio::api::ollama {

void add_routes(const Services& services, http::Router& router);

// Whether a request is for this dialect, by its path (the versions under /api are DashScope's): answers that the server
// gives itself are then in its words.
bool is_spoken(const http::Request& request);

}  // namespace studio::api::ollama
