// POST embeddings and reranks.
#pragma once

#include <memory>

#include "api/serving/services.h"
#include "http/exchange.h"

namespace studio::api::openai {

void embeddings(const Services& services, const std::shared_ptr<http::Exchange>& exchange);
void reranks(const Services& services, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace studio::api::openai
