// The Anthropic dialect's requests, read and checked, in neutral terms.
//
// Source: the Messages API reference and Alibaba Cloud's "Anthropic API compatible" page for Qwen, both read 2026-11;
// the README of this folder lists every field and what differs.
#pragma once

#include <string>
#include <vector>

#include "api/serving/call_fields.h"
#include "inference/text_model.h"

namespace studio::api::anthropic {

inline constexpr const char* kEffortField = "output_config.effort";

// What `thinking` asks for beside what the prompt has of it.
struct ThinkingWish {
  bool is_adaptive = false;  // as the model sees fit, which may be not at all: no promise that one cannot keep
  bool is_told = true;       // false: the blocks of thinking are empty
  bool has_effort = false;   // what the prompt has of it, output_config.effort says
};

struct MessagesCall {
  GenerateCall generate;
  inference::ChatPrompt prompt;
  ThinkingWish thinking;
};

struct CountCall {
  std::string model;
  inference::ChatPrompt prompt;
  ThinkingWish thinking;
  std::vector<std::string> ignored;  // as GenerateCall's
};

}  // namespace studio::api::anthropic
