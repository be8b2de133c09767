// The vendor's model for trying batches out: a fixed short answer, free, without a model behind it.
//
// Source: Alibaba Cloud's "OpenAI compatible - Batch" page, read 2026-11; its text is our own.
#pragma once

#include <cstdint>
#include <memory>

#include "api/serving/services.h"
#include "http/exchange.h"

namespace studio::api::openai {

inline constexpr const char* kTestModel = "batch-test-model";
inline constexpr const char* kTestUrl = "/v1/chat/ds-test";
inline constexpr int64_t kMaxTestLines = 100;  // the vendor's own

// A chat request as it is parsed for every model; its usage is nothing, and is not recorded.
void answer_test(const Services& services, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace studio::api::openai
