// The Ollama dialect's requests, read and checked, in neutral terms.
//
// Source: Ollama's public API document and the requests of its clients (npm and PyPI `ollama`), both read 2026-11; the
// README of this folder lists every field and what differs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "api/serving/generate.h"
#include "inference/text_model.h"

namespace studio::api::ollama {

// Limits of one request, checked before any work is done.
inline constexpr size_t kMaxBodyBytes = 8 << 20;  // a context of a million tokens in eight-byte words
inline constexpr size_t kMaxMessages = 4096;      // longer than any conversation that fits a context
inline constexpr size_t kMaxModelNameBytes = 256;
inline constexpr int64_t kMaxTokensLimit = 1 << 20;  // the longest context in public use

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

}  // namespace studio::api::ollama
