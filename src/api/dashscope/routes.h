// The native DashScope dialect's routes, under /api/v1: generation of text, embeddings at once and as tasks, rerank,
// and the tokenizer.
#pragma once

#include <optional>

#include "api/dashscope/task_routes.h"
#include "api/serving/services.h"
#include "http/message.h"
#include "http/router.h"

namespace studio::api::dashscope {

bool wants_task(const http::Request& request);  // X-DashScope-Async: enable

// Fields of the head that promise something which cannot be kept. `takes_tasks`: the endpoint answers as a task, too.
std::optional<Error> check_head(const http::Request& request, bool takes_tasks = false);

// `desk` may be empty: then nothing is answered as a task.
void add_routes(const Services& services, const TaskDesk& desk, http::Router& router);

// Whether a request is for this dialect, by its path: answers that the server gives itself are then in its words.
bool is_spoken(const http::Request& request);

}  // namespace studio::api::dashscope
