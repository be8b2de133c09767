// The native DashScope dialect's routes, under /api/v1: generation of text, embeddings, rerank, and the tokenizer.
#pragma once

#include <optional>

#include "api/serving/services.h"
#include "http/message.h"
#include "http/router.h"

namespace studio::api::dashscope {

// Fields of the head that promise something which cannot be kept.
std::optional<Error> check_head(const http::Request& request);

void add_routes(const Services& services, http::Router& router);

// Whether a request is for this dialect, by its path: answers that the server gives itself are then in its words.
bool is_spoken(const http::Request& request);

}  // namespace studio::api::dashscope
