// Tasks: making one (the embedding of a file), GET, list and cancel under /api/v1/tasks, and the result by its address.
#pragma once

#include <functional>
#include <memory>

#include "api/dashscope/result_links.h"
#include "api/serving/services.h"
#include "http/exchange.h"
#include "http/router.h"
#include "store/files.h"
#include "store/tasks.h"

namespace studio::api::dashscope {

inline constexpr int64_t kMaxOpenTasks = 50;               // of a key, waiting and running: the vendor's own
inline constexpr int64_t kMaxTasksOfKey = 10'000;          // ended ones too: as many as its files may be
inline constexpr int64_t kMaxTaskFileBytes = 200ll << 20;  // of texts: the vendor's own

struct TaskDesk {
  store::Files* files = nullptr;  // these outlive the server
  store::Tasks* tasks = nullptr;
  std::function<void()> wake;  // tells the runner that there is something to do
  std::shared_ptr<const ResultLinks> links;
};

void create_task(const Services& services, const TaskDesk& desk, const std::shared_ptr<http::Exchange>& exchange);
void add_task_routes(const Services& services, const TaskDesk& desk, http::Router& router);

}  // namespace studio::api::dashscope
