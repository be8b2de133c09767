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

#include "api/serving/call_fields.h"
#include "api/serving/embed_call.h"
#include "api/serving/rank_call.h"
#include "engine/tensor/token.h"
#include "inference/text_model.h"

namespace studio::api::openai {

inline constexpr int kMaxCompletionLogprobs = 5;  // the legacy endpoint's own limit

// Shared by both endpoints that generate.
struct GenerateCall : api::GenerateCall {
  bool include_usage = false;
};

struct ChatCall {
  GenerateCall generate;
  inference::ChatPrompt prompt;
  bool has_effort = false;  // what it says of thinking, reasoning_effort says
};

struct CompletionCall {
  GenerateCall generate;
  std::vector<std::variant<std::string, std::vector<engine::TokenId>>> prompts;
  std::optional<std::string> suffix;
  std::optional<int> best_of;  // so many are made of each prompt, more than n
  bool echoes = false;         // the prompt comes before its answer; then max_tokens may be 0
};

struct TokenizeCall {
  std::string model;
  std::optional<std::string> text;              // plain, as a caller's words
  std::optional<inference::ChatPrompt> prompt;  // or a conversation, rendered
  bool has_effort = false;                      // as ChatCall's
  std::vector<std::string> ignored;             // as GenerateCall's
};

struct EmbeddingsCall : EmbedCall {
  bool is_base64 = false;
};

}  // namespace studio::api::openai
