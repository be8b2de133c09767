#include "engine/sampling/params.h"

#include <cmath>
#include <string>

namespace studio::engine {
namespace {

Error out_of_range(const char* field, const char* range) {
  return Error(Code::kOutOfRange, std::string(field) + " must be " + range).with_param(field);
}

Status validate_logit_bias(const SamplingParams& params, int vocab_size) {
  constexpr float kMaxBias = 100.0f;  // the range the public APIs document
  if (params.logit_bias.size() > static_cast<size_t>(kMaxLogitBias)) {
    return out_of_range("logit_bias", ("at most " + std::to_string(kMaxLogitBias) + " entries").c_str());
  }
  for (const auto& [id, bias] : params.logit_bias) {
    if (id < 0 || id >= vocab_size) {
      return Error(Code::kOutOfRange, "logit_bias names token " + std::to_string(id) + ", outside the vocabulary of " +
                                          std::to_string(vocab_size))
          .with_param("logit_bias");
    }
    if (!(std::fabs(bias) <= kMaxBias)) return out_of_range("logit_bias", "between -100 and 100 for every token");
  }
  return Ok{};
}

}  // namespace

// Comparisons are written so that a NaN fails them.
Status validate(const SamplingParams& p, int vocab_size) {
  if (!(p.temperature >= 0 && p.temperature < 2)) return out_of_range("temperature", "at least 0 and below 2");
  if (p.top_k < 0) return out_of_range("top_k", "0 (all) or more");
  if (!(p.top_p > 0 && p.top_p <= 1)) return out_of_range("top_p", "above 0 and at most 1");
  if (!(p.min_p >= 0 && p.min_p <= 1)) return out_of_range("min_p", "between 0 and 1");
  if (!(p.repetition_penalty > 0 && std::isfinite(p.repetition_penalty))) {
    return out_of_range("repetition_penalty", "above 0");
  }
  if (!(std::fabs(p.presence_penalty) <= 2)) return out_of_range("presence_penalty", "between -2 and 2");
  if (!(std::fabs(p.frequency_penalty) <= 2)) return out_of_range("frequency_penalty", "between -2 and 2");
  if (p.top_logprobs < 0 || p.top_logprobs > kMaxTopLogprobs) {
    return out_of_range("top_logprobs", ("between 0 and " + std::to_string(kMaxTopLogprobs)).c_str());
  }
  if (p.top_logprobs > 0 && !p.logprobs) return out_of_range("top_logprobs", "0 unless logprobs is on");
  return validate_logit_bias(p, vocab_size);
}

}  // namespace studio::engine
