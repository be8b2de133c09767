// One request to an encoder being answered: computed, its usage made durable, then told.
// Threads: any.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/serving/services.h"
#include "http/exchange.h"
#include "inference/encoder_request.h"

namespace studio::api {

struct EncodeInput {
  std::vector<engine::EncoderText> texts;  // at least one
  std::vector<std::string> cut;            // places in the request of those whose end was left out, as was allowed
  std::optional<bool> is_fast;             // where the request names a class of numerics, which the answer then does
};

struct EncodeOptions {
  std::string operation;              // of the usage record
  std::vector<std::string> ignored;   // fields accepted without effect, for X-Studio-Ignored
  std::vector<std::string> degraded;  // fields left out, as was allowed
  // The dialect's words. On a handler thread.
  std::function<http::Response(const inference::Encoded&)> render;
  std::function<http::Response(const Error&)> refuse;
};

void answer_encoded(const std::shared_ptr<http::Exchange>& exchange, const Services& services, ServedModelPtr model,
                    EncodeInput input, EncodeOptions options);

// A f32 as the shortest decimal that reads back as the same bits.
void append_number(std::string& out, float value);
// "[0.1,-2]"
void append_vector(std::string& out, const float* values, size_t count);

}  // namespace studio::api
