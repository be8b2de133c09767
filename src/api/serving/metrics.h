// What the gateway counts, declared in one place; /metrics prints it, docs/reference/metrics.md explains it.
//
// Label values come from closed sets: served models, routes, methods, status codes, how an answer ended, which limit
// refused. A name or path that a stranger sent is never one.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/metrics.h"
#include "base/result.h"
#include "inference/model_client.h"

namespace studio::api {

struct GatewayMetrics {
  GatewayMetrics();

  // Its series stand at 0 from now on, so that the first event is a rise.
  void open_model(const std::string& model);
  void open_adapter(const std::string& name);  // the same for one: what its model's workers count is the model's
  // Which limit an error speaks of, if any: counted as refused by it. Once for each answer.
  void note_refusal(const Error& error) const;
  void note_refusal(int http_status) const;  // of an answer that the HTTP server gave by itself
  // Brings what the workers and the kernel count up to date.
  void take_status(const std::string& model, const inference::ModelStatus& status);
  void take_processes();

  metrics::Registry registry;
  metrics::Family requests;               // by route, method, status
  metrics::Family request_seconds;        // by route
  metrics::Family open_connections;       // now
  metrics::Family refused;                // by limit
  metrics::Family generations;            // by model, route, finish reason
  metrics::Family end_to_end;             // by model
  metrics::Family time_to_first_token;    // by model
  metrics::Family inter_token_latency;    // by model
  metrics::Family time_per_output_token;  // by model
  metrics::Family prompt_tokens;          // by model
  metrics::Family generated_tokens;       // by model

 private:
  // Read from the workers when the text is asked for.
  metrics::Family model_ready_, sequences_running_, sequences_waiting_, kv_pages_, kv_pages_free_, kv_pages_idle_,
      kv_usage_;
  metrics::Family steps_, step_tokens_, batch_size_, queue_seconds_, preemptions_, restarts_, resumed_, drafted_tokens_,
      accepted_tokens_, draft_passes_;
  metrics::Family cached_tokens_, prefills_, whole_prompts_, pages_restored_, pages_in_file_, step_seconds_,
      constraint_seconds_, tenants_, starvation_bound_, longest_starved_, adapters_, adapter_bytes_;
  metrics::Family worker_memory_, worker_files_, worker_threads_, worker_cpu_;
  metrics::Family memory_, virtual_memory_, open_files_, max_files_, threads_, cpu_, started_;

  // What was already counted of a model's workers.
  struct Counted {
    engine::EngineStats stats;
    int restarts = 0;
    uint64_t resumed = 0;
    std::map<int, double> cpu_seconds;  // by process
  };
  void take_workers(const std::string& model, const std::vector<int>& pids, Counted& counted) const;
  std::mutex mutex_;  // guards counted_: two readers of /metrics must not count one rise twice
  std::map<std::string, Counted> counted_;
  double own_cpu_seconds_ = 0;  // guarded by mutex_
};

}  // namespace studio::api
