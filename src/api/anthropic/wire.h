// The Anthropic dialect's requests, read and checked, in neutral terms.
//
// Source: the Messages API reference and Alibaba Cloud's "Anthropic API compatible" page for Qwen, both read 2026-11;
// the README of this folder lists every field and what differs.
#pragma once

#include <string>

#include "api/serving/call_fields.h"
#include "inference/text_model.h"

namespace studio::api::anthropic {

struct MessagesCall {
  GenerateCall generate;
  inference::ChatPrompt prompt;
  bool tells_thinking = true;  // false: the blocks of thinking are empty
};

struct CountCall {
  std::string model;
  inference::ChatPrompt prompt;
};

}  // namespace studio::api::anthropic
