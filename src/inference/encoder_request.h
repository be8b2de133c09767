// What an encoder is asked and answers, on either side of the token protocol.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/encoders/encoder.h"

namespace studio::inference {

struct EncodeRequest {
  std::string request_id;
  std::vector<engine::EncoderText> texts;  // 1 .. engine::kMaxEncoderTexts
  bool is_fast = false;                    // in the faster class of numerics: Encoder::encode_fast()
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

struct Encoded {
  std::vector<float> values;  // [texts, width]
  size_t width = 0;
  int64_t prompt_tokens = 0;
  std::string numerics_class;  // of the worker that computed them, or empty where none said
};

// Called once, on a thread of the callee's choosing; must not block.
using EncodedSink = std::function<void(Result<Encoded>)>;

inline int64_t count_tokens(const std::vector<engine::EncoderText>& texts) {
  int64_t tokens = 0;
  for (const auto& text : texts) tokens += static_cast<int64_t>(text.ids.size());
  return tokens;
}

}  // namespace studio::inference
