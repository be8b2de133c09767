// The OpenAI dialect's requests, read and checked, in neutral terms.
//
// Source: the OpenAI API reference and Alibaba Cloud's "OpenAI compatible" pages for Qwen, both read 2026-11; the
// README of this folder lists every field and what differs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/sampling/params.h"
#include "engine/tensor/token.h"
#include "inference/generation.h"
#include "inference/text_model.h"

namespace studio::api::openai {

// Limits of one request, checked before any work is done.
inline constexpr size_t kMaxBodyBytes = 8 << 20;  // a context of a million tokens in eight-byte words
inline constexpr size_t kMaxMessages = 4096;      // longer than any conversation that fits a context
inline constexpr size_t kMaxContentParts = 1024;  // of one message
inline constexpr size_t kMaxModelNameBytes = 256;
inline constexpr int kMaxCompletionLogprobs = 5;     // the legacy endpoint's own limit
inline constexpr int64_t kMaxTokensLimit = 1 << 20;  // the longest context in public use

// What Qwen's hosted models do where a request says nothing.
inline constexpr float kDefaultTemperature = 0.7f;
inline constexpr float kDefaultTopP = 0.8f;
inline constexpr int kDefaultTopK = 20;
inline constexpr float kDefaultRepetitionPenalty = 1.05f;

// Shared by both endpoints that generate.
struct GenerateCall {
  std::string model;
  bool stream = false;
  bool include_usage = false;
  int n = 1;
  engine::SamplingParams sampling;
  std::optional<int> max_tokens, max_completion_tokens;
  std::vector<std::string> stop;
  std::vector<engine::TokenId> stop_ids;
  bool ignore_eos = false;
  std::vector<std::string> ignored;  // fields accepted without effect, for X-Studio-Ignored
};

struct ChatCall {
  GenerateCall generate;
  inference::ChatPrompt prompt;
};

struct CompletionCall {
  GenerateCall generate;
  std::vector<std::variant<std::string, std::vector<engine::TokenId>>> prompts;
  std::optional<std::string> suffix;
};

struct TokenizeCall {
  std::string model;
  std::optional<std::string> text;              // plain, as a caller's words
  std::optional<inference::ChatPrompt> prompt;  // or a conversation, rendered
};

}  // namespace studio::api::openai
