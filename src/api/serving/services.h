// What a dialect's handlers are given. Everything in it outlives the server.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string_view>

#include "api/serving/metrics.h"
#include "api/serving/open_answers.h"
#include "api/serving/served_models.h"
#include "inference/usage.h"

namespace studio::api {

class KeptAnswers;

struct Services {
  const ServedModels* models = nullptr;
  std::shared_ptr<inference::UsageSink> usage;
  GatewayMetrics* metrics = nullptr;
  OpenAnswers* open_answers = nullptr;
  KeptAnswers* kept = nullptr;                            // none: no answer outlives its connection
  std::function<int(std::string_view key_id)> weight_of;  // may be empty: all have 1
  bool is_background = false;                             // nobody waits for the answers: lines of batches
  std::chrono::seconds answer_limit{3600};                // from a request's head on
  // Runs work that may block for milliseconds, such as a commit, on a handler thread.
  std::function<void(std::function<void()>)> post;
  std::function<size_t()> open_connections;  // of the listener, for /metrics
};

}  // namespace studio::api
