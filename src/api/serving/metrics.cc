#include "api/serving/metrics.h"

namespace studio::api {
namespace {

using metrics::Kind;

// From a cached hit to a long queue.
const std::vector<double> kSeconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
const std::vector<double> kTokenSeconds = {0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.5, 1};

}  // namespace

GatewayMetrics::GatewayMetrics() {
  auto declare = [this](Kind kind, const char* name, const char* help, std::vector<std::string> labels,
                        std::vector<double> buckets = {}) {
    return registry.declare({kind, name, help, std::move(labels), std::move(buckets)});
  };
  requests = declare(Kind::kCounter, "studio_http_requests_total", "Requests answered.", {"route", "method", "status"});
  request_seconds = declare(Kind::kHistogram, "studio_http_request_duration_seconds",
                            "From a request's head to the end of its answer.", {"route"}, kSeconds);
  time_to_first_token = declare(Kind::kHistogram, "studio_time_to_first_token_seconds",
                                "From a request's head to its first token.", {"model"}, kSeconds);
  time_per_output_token = declare(Kind::kHistogram, "studio_time_per_output_token_seconds",
                                  "Mean time between the tokens of an answer.", {"model"}, kTokenSeconds);
  prompt_tokens = declare(Kind::kCounter, "studio_prompt_tokens_total", "Tokens of prompts.", {"model"});
  cached_tokens =
      declare(Kind::kCounter, "studio_cached_prompt_tokens_total", "Prompt tokens not computed again.", {"model"});
  generated_tokens = declare(Kind::kCounter, "studio_generated_tokens_total", "Tokens produced.", {"model"});
  generations = declare(Kind::kCounter, "studio_generations_total", "Answers by how they ended.", {"model", "outcome"});
  model_ready = declare(Kind::kGauge, "studio_model_ready", "1 where the model's worker answers.", {"model"});
  sequences_running = declare(Kind::kGauge, "studio_sequences_running", "Sequences in the batch.", {"model"});
  sequences_waiting = declare(Kind::kGauge, "studio_sequences_waiting", "Sequences in the queue.", {"model"});
  kv_pages_total = declare(Kind::kGauge, "studio_kv_pages", "Pages of keys and values.", {"model"});
  kv_pages_free = declare(Kind::kGauge, "studio_kv_pages_free", "Pages that nobody holds.", {"model"});
  worker_restarts = declare(Kind::kGauge, "studio_worker_restarts", "Times the worker was started again.", {"model"});
}

}  // namespace studio::api
