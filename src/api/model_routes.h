// GET /v1/models and /v1/models/{id}, which OpenAI's clients and Anthropic's both ask at the same place: the second
// name their version in a field of the request.
#pragma once

#include "api/serving/services.h"
#include "http/router.h"

namespace studio::api {

void add_model_routes(const Services& services, http::Router& router);

}  // namespace studio::api
