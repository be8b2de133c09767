#include "api/serving/metrics.h"

#include <unistd.h>

#include <algorithm>

#include "base/process_stats.h"
#include "base/version.h"

namespace studio::api {
namespace {

using metrics::Kind;

// From an answer out of a warm engine to the end of a long queue.
const std::vector<double> kSeconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
// From a small model on a fast machine (1 ms) to a stalled one.
const std::vector<double> kTokenSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 10};

template <size_t N>
std::vector<double> as_list(const std::array<double, N>& bounds) {
  return {bounds.begin(), bounds.end()};
}

// Counts come from other processes: one that falls against the rules is not counted, and is the new beginning.
uint64_t rise(uint64_t before, uint64_t now) {
  return now >= before ? now - before : 0;
}

template <size_t N>
void count_rise(const metrics::Family& family, const std::string& model, const BucketCounts<N>& before,
                const BucketCounts<N>& now) {
  if (now.count() == before.count()) return;
  std::vector<double> more;
  for (size_t i = 0; i < now.counts.size(); ++i) {
    more.push_back(static_cast<double>(rise(before.counts[i], now.counts[i])));
  }
  family.observe_many({model}, more, std::max(0.0, now.sum - before.sum));
}

}  // namespace

GatewayMetrics::GatewayMetrics() {
  auto declare = [this](Kind kind, const char* name, const char* help, std::vector<std::string> labels = {},
                        std::vector<double> buckets = {}) {
    return registry.declare({kind, name, help, std::move(labels), std::move(buckets)});
  };
  requests = declare(Kind::kCounter, "studio_http_requests_total", "Requests answered.", {"route", "method", "status"});
  request_seconds = declare(Kind::kHistogram, "studio_http_request_duration_seconds",
                            "From a request's head to the end of its answer.", {"route"}, kSeconds);
  open_connections = declare(Kind::kGauge, "studio_http_connections_open", "Connections of clients.");
  refused = declare(Kind::kCounter, "studio_requests_refused_total", "Requests refused by a limit.", {"limit"});

  generations = declare(Kind::kCounter, "studio_generations_total", "Answers by how they ended.",
                        {"model", "route", "finish_reason"});
  end_to_end = declare(Kind::kHistogram, "studio_e2e_request_latency_seconds",
                       "From a request's head to the end of its generation.", {"model"}, kSeconds);
  time_to_first_token = declare(Kind::kHistogram, "studio_time_to_first_token_seconds",
                                "From a request's head to its first token.", {"model"}, kSeconds);
  inter_token_latency = declare(Kind::kHistogram, "studio_inter_token_latency_seconds",
                                "Between two tokens of one choice.", {"model"}, kTokenSeconds);
  time_per_output_token = declare(Kind::kHistogram, "studio_time_per_output_token_seconds",
                                  "Mean time between the tokens of an answer.", {"model"}, kTokenSeconds);
  prompt_tokens = declare(Kind::kCounter, "studio_prompt_tokens_total", "Tokens of prompts, as billed.", {"model"});
  generated_tokens =
      declare(Kind::kCounter, "studio_generation_tokens_total", "Tokens produced, as billed.", {"model"});

  model_ready_ = declare(Kind::kGauge, "studio_model_ready", "1 where the model's worker answers.", {"model"});
  sequences_running_ = declare(Kind::kGauge, "studio_sequences_running", "Sequences in the batch.", {"model"});
  sequences_waiting_ = declare(Kind::kGauge, "studio_sequences_waiting", "Sequences in the queue.", {"model"});
  queue_seconds_ = declare(Kind::kHistogram, "studio_queue_time_seconds",
                           "From a sequence's arrival at the engine to its first step.", {"model"},
                           as_list(engine::kQueueSecondsBounds));
  steps_ = declare(Kind::kCounter, "studio_engine_steps_total", "Passes of the model.", {"model"});
  step_tokens_ = declare(Kind::kCounter, "studio_engine_tokens_total",
                         "Tokens computed: of prompts, recomputed ones too, and produced.", {"model", "kind"});
  cached_tokens_ = declare(Kind::kCounter, "studio_prompt_tokens_cached_total",
                           "Tokens of prompts that were found computed and not computed again.", {"model"});
  prefills_ = declare(Kind::kCounter, "studio_prefills_total",
                      "Times that a sequence was computed from its first token on.", {"model"});
  whole_prompts_ = declare(Kind::kCounter, "studio_prompts_found_whole_total",
                           "Prompts of which nothing was computed: their end was kept.", {"model"});
  pages_restored_ = declare(Kind::kCounter, "studio_prefix_pages_restored_total",
                            "Pages that were read from the file of kept prefixes.", {"model"});
  pages_in_file_ = declare(Kind::kGauge, "studio_prefix_file_pages", "Pages in the files of kept prefixes.", {"model"});
  batch_size_ = declare(Kind::kHistogram, "studio_batch_size_sequences", "Sequences in a step.", {"model"},
                        as_list(engine::kBatchSizeBounds));
  step_seconds_ = declare(Kind::kHistogram, "studio_engine_step_seconds",
                          "Time of a step: the gap between two tokens of a running stream.", {"model"},
                          as_list(engine::kStepSecondsBounds));
  constraint_seconds_ = declare(Kind::kHistogram, "studio_constraint_seconds",
                                "Time that a token takes for the form its answer is held to.", {"model"},
                                as_list(engine::kConstraintSecondsBounds));
  drafted_tokens_ = declare(Kind::kCounter, "studio_draft_tokens_total",
                            "Tokens computed on a guess beside a sequence's last one.", {"model"});
  accepted_tokens_ = declare(Kind::kCounter, "studio_draft_tokens_accepted_total",
                             "Tokens produced without a pass of their own, as their guess came true.", {"model"});
  draft_passes_ = declare(Kind::kCounter, "studio_draft_model_passes_total",
                          "Passes of the draft model, where there is one.", {"model"});
  preemptions_ = declare(Kind::kCounter, "studio_preemptions_total",
                         "Sequences that gave their pages to others and were computed again.", {"model"});
  tenants_ = declare(Kind::kGauge, "studio_tenants_active", "Keys that have sequences running or waiting.", {"model"});
  starvation_bound_ = declare(Kind::kGauge, "studio_starvation_bound_steps",
                              "Steps that a key's first request would wait at most, if it came now.", {"model"});
  longest_starved_ = declare(Kind::kGauge, "studio_longest_starved_steps",
                             "Most steps in a row in which a key had sequences and none was computed.", {"model"});
  kv_pages_ = declare(Kind::kGauge, "studio_kv_pages", "Pages of keys and values.", {"model"});
  kv_pages_free_ = declare(Kind::kGauge, "studio_kv_pages_free", "Pages that nobody holds.", {"model"});
  kv_pages_idle_ = declare(Kind::kGauge, "studio_kv_pages_idle",
                           "Of the free pages those that keep a prefix which may come again.", {"model"});
  adapters_ = declare(Kind::kGauge, "studio_adapters", "Adapters that the workers hold.", {"model"});
  adapter_bytes_ = declare(Kind::kGauge, "studio_adapter_bytes", "Memory of these adapters.", {"model"});
  kv_usage_ = declare(Kind::kGauge, "studio_kv_cache_usage_ratio", "Share of the pages that is held.", {"model"});

  restarts_ = declare(Kind::kCounter, "studio_worker_restarts_total", "Times a worker was started again.", {"model"});
  resumed_ = declare(Kind::kCounter, "studio_streams_resumed_total",
                     "Streams that went on after their worker was lost.", {"model"});
  worker_memory_ =
      declare(Kind::kGauge, "studio_worker_resident_memory_bytes", "Memory that the worker holds.", {"model"});
  worker_files_ = declare(Kind::kGauge, "studio_worker_open_fds", "Descriptors that the worker holds.", {"model"});
  worker_threads_ = declare(Kind::kGauge, "studio_worker_threads", "Threads of the worker.", {"model"});
  worker_cpu_ = declare(Kind::kCounter, "studio_worker_cpu_seconds_total", "Processor time of workers.", {"model"});

  // The names that every client library of Prometheus gives to these.
  memory_ = declare(Kind::kGauge, "process_resident_memory_bytes", "Memory that the gateway holds.");
  virtual_memory_ = declare(Kind::kGauge, "process_virtual_memory_bytes", "Address space of the gateway.");
  open_files_ = declare(Kind::kGauge, "process_open_fds", "Descriptors that the gateway holds.");
  max_files_ = declare(Kind::kGauge, "process_max_fds", "Descriptors that the gateway may hold.");
  threads_ = declare(Kind::kGauge, "process_threads", "Threads of the gateway.");
  cpu_ = declare(Kind::kCounter, "process_cpu_seconds_total", "Processor time of the gateway.");
  started_ = declare(Kind::kGauge, "process_start_time_seconds", "When the gateway started, as Unix time.");
  declare(Kind::kGauge, "studio_build_info", "1, with the program's version.", {"version"}).set({kVersion}, 1);

  for (const char* limit : {"queue", "key_requests", "body", "head", "time", "connections"}) refused.open({limit});
}

void GatewayMetrics::open_model(const std::string& model) {
  for (const metrics::Family* family :
       {&end_to_end,         &time_to_first_token, &inter_token_latency, &time_per_output_token,
        &prompt_tokens,      &generated_tokens,    &queue_seconds_,      &steps_,
        &batch_size_,        &preemptions_,        &restarts_,           &resumed_,
        &cached_tokens_,     &prefills_,           &whole_prompts_,      &pages_restored_,
        &step_seconds_,      &drafted_tokens_,     &accepted_tokens_,    &draft_passes_,
        &constraint_seconds_}) {
    family->open({model});
  }
  for (const char* kind : {"prompt", "generated"}) step_tokens_.open({model, kind});
}

void GatewayMetrics::open_adapter(const std::string& name) {
  for (const metrics::Family* family : {&end_to_end, &time_to_first_token, &inter_token_latency, &time_per_output_token,
                                        &prompt_tokens, &generated_tokens}) {
    family->open({name});
  }
}

void GatewayMetrics::note_refusal(const Error& error) const {
  if (error.code() == Code::kOverloaded) refused.add({"queue"});
  if (error.code() == Code::kQuotaExceeded) refused.add({"key_requests"});
}

void GatewayMetrics::note_refusal(int http_status) const {
  if (http_status == 408) refused.add({"time"});
  if (http_status == 413) refused.add({"body"});
  if (http_status == 414 || http_status == 431) refused.add({"head"});
  if (http_status == 503) refused.add({"connections"});
}

void GatewayMetrics::take_status(const std::string& model, const inference::ModelStatus& status) {
  const engine::EngineStats& now = status.stats;
  model_ready_.set({model}, status.ready ? 1 : 0);
  sequences_running_.set({model}, now.running);
  sequences_waiting_.set({model}, now.waiting);
  kv_pages_.set({model}, now.pages_total);
  kv_pages_free_.set({model}, now.pages_free);
  kv_pages_idle_.set({model}, now.pages_idle);
  pages_in_file_.set({model}, now.pages_in_file);
  tenants_.set({model}, now.tenants);
  starvation_bound_.set({model}, static_cast<double>(now.starvation_bound_steps));
  longest_starved_.set({model}, static_cast<double>(now.longest_starved_steps));
  adapters_.set({model}, now.adapters);
  adapter_bytes_.set({model}, static_cast<double>(now.adapter_bytes));
  const int held = now.pages_total - now.pages_free;
  kv_usage_.set({model}, now.pages_total > 0 ? static_cast<double>(held) / now.pages_total : 0);

  std::scoped_lock lock(mutex_);
  Counted& counted = counted_[model];
  auto count = [&](const metrics::Family& family, uint64_t before, uint64_t after) {
    family.add({model}, static_cast<double>(rise(before, after)));
  };
  const engine::EngineStats& before = counted.stats;
  count(steps_, before.steps, now.steps);
  count(cached_tokens_, before.cached_tokens, now.cached_tokens);
  count(prefills_, before.prefills, now.prefills);
  count(whole_prompts_, before.whole_prompts, now.whole_prompts);
  count(pages_restored_, before.pages_restored, now.pages_restored);
  count(drafted_tokens_, before.drafted_tokens, now.drafted_tokens);
  count(accepted_tokens_, before.accepted_tokens, now.accepted_tokens);
  count(draft_passes_, before.draft_passes, now.draft_passes);
  count(preemptions_, before.preemptions, now.preemptions);
  count(restarts_, static_cast<uint64_t>(counted.restarts), static_cast<uint64_t>(status.restarts));
  count(resumed_, counted.resumed, status.streams_resumed);
  step_tokens_.add({model, "prompt"}, static_cast<double>(rise(before.prompt_tokens, now.prompt_tokens)));
  step_tokens_.add({model, "generated"}, static_cast<double>(rise(before.generated_tokens, now.generated_tokens)));
  count_rise(batch_size_, model, before.batch_sizes, now.batch_sizes);
  count_rise(step_seconds_, model, before.step_seconds, now.step_seconds);
  count_rise(constraint_seconds_, model, before.constraint_seconds, now.constraint_seconds);
  count_rise(queue_seconds_, model, before.queue_seconds, now.queue_seconds);
  counted.stats = now;
  counted.restarts = status.restarts;
  counted.resumed = status.streams_resumed;
  take_workers(model, status.worker_pids, counted);
}

void GatewayMetrics::take_workers(const std::string& model, const std::vector<int>& pids, Counted& counted) const {
  ProcessStats sum;
  sum.open_files = 0;
  std::map<int, double> cpu_seconds;
  double spent = 0;
  for (int pid : pids) {
    auto process = read_process_stats(pid);
    if (!process) continue;
    sum.resident_bytes += process->resident_bytes;
    sum.open_files += std::max<int64_t>(process->open_files, 0);
    sum.threads += process->threads;
    cpu_seconds[pid] = process->cpu_seconds;
    spent += std::max(0.0, process->cpu_seconds - counted.cpu_seconds[pid]);
  }
  worker_memory_.set({model}, static_cast<double>(sum.resident_bytes));
  worker_files_.set({model}, static_cast<double>(sum.open_files));
  worker_threads_.set({model}, static_cast<double>(sum.threads));
  worker_cpu_.add({model}, spent);
  counted.cpu_seconds = std::move(cpu_seconds);
}

void GatewayMetrics::take_processes() {
  auto own = read_process_stats(::getpid());
  if (!own) return;
  memory_.set({}, static_cast<double>(own->resident_bytes));
  virtual_memory_.set({}, static_cast<double>(own->virtual_bytes));
  open_files_.set({}, static_cast<double>(own->open_files));
  max_files_.set({}, static_cast<double>(own->max_files));
  threads_.set({}, static_cast<double>(own->threads));
  started_.set({}, own->started_at);
  std::scoped_lock lock(mutex_);
  cpu_.add({}, std::max(0.0, own->cpu_seconds - own_cpu_seconds_));
  own_cpu_seconds_ = own->cpu_seconds;
}

}  // namespace studio::api
