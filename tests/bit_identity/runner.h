// Runs requests under one setting and digests what came out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "requests.h"
#include "settings.h"

namespace studio::bit_identity {

struct Outcome {
  int index = 0;                // of the request
  std::vector<uint32_t> words;  // per token: id, logprob bits, then id and logprob bits of each alternative
  std::string digest;           // of the words, 16 hex digits
  std::string logits_digest;    // of whole rows of logits over the prompt's beginning; empty for most requests
};

struct RunResult {
  std::vector<Outcome> outcomes;  // in the order of `indices`
  std::string model_digest, numerics_class, kernels;
  int tokens = 0;
  double seconds = 0;  // without loading
};

// The requests named by `indices`, all waiting at once.
Result<RunResult> run_setting(const std::string& model, const std::vector<engine::SequenceRequest>& requests,
                              const std::vector<int>& indices, engine::KvType kv_type, const Setting& setting);

std::string short_digest(const void* data, size_t bytes);  // the first 16 hex digits of SHA-256

}  // namespace studio::bit_identity
