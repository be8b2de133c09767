// POST text-embedding and text-rerank, at once. As a task: task_routes.h.
#pragma once

#include <memory>

#include "api/serving/services.h"
#include "http/exchange.h"

namespace studio::api::dashscope {

void text_embedding(const Services& services, const std::shared_ptr<http::Exchange>& exchange);
// One text of a task, in the body of a request for it: answered with its vector alone, a JSON list.
void embed_text_of_task(const Services& services, const std::shared_ptr<http::Exchange>& exchange);
void text_rerank(const Services& services, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace studio::api::dashscope
