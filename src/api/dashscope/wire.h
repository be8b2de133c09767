// The native DashScope dialect's requests, read and checked, in neutral terms.
//
// Source: Alibaba Cloud's DashScope API reference and the requests of its SDKs (Python 1.26), both read 2026-11; the
// README of this folder lists every field and what differs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "api/serving/generate.h"
#include "inference/text_model.h"

namespace studio::api::dashscope {

// Limits of one request, checked before any work is done.
inline constexpr size_t kMaxBodyBytes = 8 << 20;  // a context of a million tokens in eight-byte words
inline constexpr size_t kMaxMessages = 4096;      // longer than any conversation that fits a context
inline constexpr size_t kMaxContentParts = 1024;  // of one message
inline constexpr size_t kMaxModelNameBytes = 256;
inline constexpr int64_t kMaxTokensLimit = 1 << 20;  // the longest context in public use

enum class ResultFormat { kText, kMessage };

struct GenerationCall {
  GenerateCall generate;
  inference::ChatPrompt prompt;
  std::optional<ResultFormat> result_format;  // the model's own where not said
  bool is_incremental = false;                // pieces of a stream are what is new; else all there is so far
};

struct TokenizerCall {
  std::string model;
  std::optional<std::string> text;  // plain
  inference::ChatPrompt prompt;     // or a conversation, rendered
};

}  // namespace studio::api::dashscope
