// POST embed, and embeddings, its older form.
#pragma once

#include <memory>

#include "api/serving/services.h"
#include "http/exchange.h"

namespace studio::api::ollama {

void embed(const Services& services, const std::shared_ptr<http::Exchange>& exchange);
void old_embeddings(const Services& services, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace studio::api::ollama
