// Batches of the OpenAI dialect: POST and GET under /batches.
#pragma once

#include <functional>

#include "api/serving/services.h"
#include "http/router.h"
#include "store/batches.h"
#include "store/files.h"

namespace studio::api::openai {

inline constexpr int64_t kMaxOpenBatches = 1000;     // of a key: the vendor's own
inline constexpr int64_t kMaxBatchesOfKey = 10'000;  // ended ones too: as many as its files may be

struct BatchDesk {
  store::Files* files = nullptr;  // these outlive the server
  store::Batches* batches = nullptr;
  KeptAnswers* kept = nullptr;  // as Services has it
  std::function<void()> wake;   // tells the runner that there is something to do
};

void add_batch_routes(const BatchDesk& desk, http::Router& router);

}  // namespace studio::api::openai
