// What the gateway counts, declared in one place; /metrics prints it.
#pragma once

#include "base/metrics.h"

namespace studio::api {

struct GatewayMetrics {
  GatewayMetrics();

  metrics::Registry registry;
  metrics::Family requests;               // by route, method, status
  metrics::Family request_seconds;        // by route
  metrics::Family time_to_first_token;    // by model
  metrics::Family time_per_output_token;  // by model
  metrics::Family prompt_tokens;          // by model
  metrics::Family cached_tokens;          // by model
  metrics::Family generated_tokens;       // by model
  metrics::Family generations;            // by model, outcome
  // Read from the workers when the text is asked for.
  metrics::Family model_ready, sequences_running, sequences_waiting, kv_pages_total, kv_pages_free, worker_restarts;
};

}  // namespace studio::api
