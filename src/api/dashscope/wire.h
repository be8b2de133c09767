// The native DashScope dialect's requests, read and checked, in neutral terms.
//
// Source: Alibaba Cloud's DashScope API reference and the requests of its SDKs (Python 1.26), both read 2026-11; the
// README of this folder lists every field and what differs.
#pragma once

#include <optional>
#include <string>

#include "api/serving/call_fields.h"
#include "api/serving/embed_call.h"
#include "api/serving/rank_call.h"
#include "inference/text_model.h"

namespace studio::api::dashscope {

enum class ResultFormat { kText, kMessage };

struct GenerationCall {
  GenerateCall generate;
  inference::ChatPrompt prompt;
  bool has_effort = false;                    // what it says of thinking, reasoning_effort says
  std::optional<ResultFormat> result_format;  // the model's own where not said
  bool is_incremental = false;                // pieces of a stream are what is new; else all there is so far
};

struct TokenizerCall {
  std::string model;
  std::optional<std::string> text;   // plain
  inference::ChatPrompt prompt;      // or a conversation, rendered
  std::vector<std::string> ignored;  // as GenerateCall's
};

struct EmbeddingCall : EmbedCall {
  bool is_query = false;  // text_type: the texts ask, or they answer
};

// Texts in a file, to be embedded as a task; without items.
struct EmbeddingTask : EmbeddingCall {
  std::string url;         // the file's id
  std::string parameters;  // as they were sent, for each text's own request: a JSON object
};

}  // namespace studio::api::dashscope
