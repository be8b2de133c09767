// POST text-embedding and text-rerank, at once; as a task they are not built.
#pragma once

#include <memory>

#include "api/serving/services.h"
#include "http/exchange.h"

namespace studio::api::dashscope {

void text_embedding(const Services& services, const std::shared_ptr<http::Exchange>& exchange);
void text_rerank(const Services& services, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace studio::api::dashscope
