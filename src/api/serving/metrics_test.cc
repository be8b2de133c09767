#include "api/serving/metrics.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace studio::api {
namespace {

// The number of a sample, as /metrics prints it; -1 where there is none.
double value_of(const GatewayMetrics& metrics, const std::string& sample) {
  std::string text = "\n" + metrics.registry.text();
  size_t at = text.find("\n" + sample + " ");
  return at == std::string::npos ? -1 : std::strtod(text.c_str() + at + sample.size() + 2, nullptr);
}

inference::ModelStatus status_after(uint64_t steps) {
  inference::ModelStatus status;
  status.ready = true;
  status.stats.steps = steps;
  status.stats.pages_total = 8;
  status.stats.pages_free = 6;
  for (uint64_t i = 0; i < steps; ++i) status.stats.batch_sizes.add(engine::kBatchSizeBounds, 3);
  return status;
}

TEST(GatewayMetrics, CountsARiseOnceHoweverOftenItIsRead) {
  GatewayMetrics metrics;
  metrics.open_model("m");
  EXPECT_EQ(value_of(metrics, "studio_engine_steps_total{model=\"m\"}"), 0);
  for (uint64_t steps : {2, 2, 5, 5}) metrics.take_status("m", status_after(steps));
  EXPECT_EQ(value_of(metrics, "studio_engine_steps_total{model=\"m\"}"), 5);
  EXPECT_EQ(value_of(metrics, "studio_batch_size_sequences_count{model=\"m\"}"), 5);
  EXPECT_EQ(value_of(metrics, "studio_batch_size_sequences_sum{model=\"m\"}"), 15);
  EXPECT_EQ(value_of(metrics, "studio_batch_size_sequences_bucket{model=\"m\",le=\"2\"}"), 0);
  EXPECT_EQ(value_of(metrics, "studio_kv_cache_usage_ratio{model=\"m\"}"), 0.25);
}

TEST(GatewayMetrics, ACountThatFallsAgainstTheRulesTakesNothingBack) {
  GatewayMetrics metrics;
  for (uint64_t steps : {7, 3, 4}) metrics.take_status("m", status_after(steps));
  EXPECT_EQ(value_of(metrics, "studio_engine_steps_total{model=\"m\"}"), 8);
}

TEST(GatewayMetrics, NamesTheLimitThatRefused) {
  GatewayMetrics metrics;
  metrics.note_refusal(Error(Code::kOverloaded, "full"));
  metrics.note_refusal(Error(Code::kQuotaExceeded, "enough"));
  metrics.note_refusal(Error(Code::kInvalidArgument, "no limit's doing"));
  for (int status : {408, 413, 431, 503, 404}) metrics.note_refusal(status);
  for (const char* limit : {"queue", "key_requests", "time", "body", "head", "connections"}) {
    EXPECT_EQ(value_of(metrics, "studio_requests_refused_total{limit=\"" + std::string(limit) + "\"}"), 1) << limit;
  }
}

TEST(GatewayMetrics, TellsOfProcesses) {
  GatewayMetrics metrics;
  inference::ModelStatus status;
  status.worker_pids = {::getpid(), 1 << 30};  // the second is gone
  metrics.take_status("m", status);
  metrics.take_processes();
  EXPECT_GT(value_of(metrics, "process_resident_memory_bytes"), 1 << 20);
  EXPECT_GT(value_of(metrics, "studio_worker_resident_memory_bytes{model=\"m\"}"), 1 << 20);
  EXPECT_GE(value_of(metrics, "studio_worker_threads{model=\"m\"}"), 1);
}

}  // namespace
}  // namespace studio::api
