// Requests of the Responses and Conversations interfaces, read and checked, in neutral terms.
//
// Source: the OpenAI API reference and Alibaba Cloud's pages on the same for Qwen, both read 2026-11; the README of
// this folder lists every field and what differs.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/serving/call_fields.h"
#include "inference/tools.h"

namespace studio::api::responses {

inline constexpr size_t kMaxItemsPerCall = 20;  // of a conversation at once: the original's own limit

struct ResponseCall {
  GenerateCall generate;
  boost::json::array input;                           // items as they are kept (items.h), without ids
  std::string instructions;                           // of this answer alone; empty: none
  std::string previous_response_id, conversation_id;  // empty: none
  bool is_stored = true;
  bool is_background = false;
  inference::ToolSet tools;
  std::optional<bool> enable_thinking;
  std::optional<int> thinking_budget;
  boost::json::object echo;  // what the response repeats of it
};

// One is made, changed, or gets items.
struct ConversationCall {
  boost::json::array items;
  boost::json::object metadata;
  std::vector<std::string> ignored, degraded;  // as GenerateCall has them
};

}  // namespace studio::api::responses
