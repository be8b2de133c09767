#include "api/serving/stored_usage.h"

#include <chrono>

namespace studio::api {

store::Usage stored_usage(const inference::UsageRecord& record) {
  const auto started = std::chrono::duration_cast<std::chrono::milliseconds>(record.started_at.time_since_epoch());
  return {.request_id = record.request_id,
          .key_id = record.key_id,
          .model = record.model,
          .operation = record.operation,
          .prompt_tokens = record.prompt_tokens,
          .cached_tokens = record.cached_tokens,
          .newly_held_tokens = record.newly_held_tokens,
          .completion_tokens = record.completion_tokens,
          .reasoning_tokens = record.reasoning_tokens,
          .outcome = record.outcome,
          .started_at_ms = started.count(),
          .first_token_ms = record.first_token_ms,
          .total_ms = record.total_ms};
}

}  // namespace studio::api
