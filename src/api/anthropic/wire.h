// The Anthropic dialect's requests, read and checked, in neutral terms.
//
// Source: the Messages API reference and Alibaba Cloud's "Anthropic API compatible" page for Qwen, both read 2026-11;
// the README of this folder lists every field and what differs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "api/serving/generate.h"
#include "inference/text_model.h"

namespace studio::api::anthropic {

// Limits of one request, checked before any work is done.
inline constexpr size_t kMaxBodyBytes = 8 << 20;  // a context of a million tokens in eight-byte words
inline constexpr size_t kMaxMessages = 4096;      // longer than any conversation that fits a context
inline constexpr size_t kMaxBlocks = 1024;        // of one message, or of `system`
inline constexpr size_t kMaxModelNameBytes = 256;
inline constexpr int64_t kMaxTokensLimit = 1 << 20;  // the longest context in public use

struct MessagesCall {
  GenerateCall generate;
  inference::ChatPrompt prompt;
};

struct CountCall {
  std::string model;
  inference::ChatPrompt prompt;
};

}  // namespace studio::api::anthropic
