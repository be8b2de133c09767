// The Ollama dialect's requests, read and checked, in neutral terms.
//
// Source: Ollama's public API document and the requests of its clients (npm and PyPI `ollama`), both read 2026-11; the
// README of this folder lists every field and what differs.
#pragma once

#include <optional>
#include <string>

#include "api/serving/call_fields.h"
#include "api/serving/embed_call.h"
#include "inference/text_model.h"

namespace studio::api::ollama {

// Both endpoints that generate.
struct GenerateCall : api::GenerateCall {
  std::optional<int> num_ctx;  // the context that the caller counts on
  bool fills_context = false;  // no limit but the context's end
};

struct ChatCall {
  GenerateCall generate;
  inference::ChatPrompt prompt;  // without messages: the model is to be loaded, which it is
};

struct CompletionCall {
  GenerateCall generate;
  std::string prompt;                 // empty: as above
  std::optional<std::string> suffix;  // fill in the middle
  bool is_raw = false;                // the prompt as it is, without template
  std::optional<std::string> system;
  std::optional<bool> enable_thinking;
};

// Without items: the model is to be loaded, as above.
struct VectorsCall : EmbedCall {
  std::optional<int> num_ctx;
};

}  // namespace studio::api::ollama
