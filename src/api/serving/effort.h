// How hard a model shall think, in the one word that several dialects have for it.
//
// Qwen knows no other measure than tokens, so an effort is a budget of reasoning: docs/reference/efforts.md. Each is
// four times the one before; the last two think as long as they like. "none" is no thinking.
// Threads: any.
#pragma once

#include <optional>
#include <string_view>

#include "api/serving/fields.h"
#include "inference/text_model.h"

namespace studio::api {

struct Effort {
  bool thinks = false;
  std::optional<int> budget_tokens;  // none: as long as it likes
};

// Nothing where the field is absent. Errors, kept by the reader: it is no effort.
std::optional<Effort> read_effort(FieldReader& reader, std::string_view name);

// enable_thinking and thinking_budget of `prompt` are read; `name` may say the same in its word. Errors, kept by the
// reader: it contradicts them, or the message is to be continued.
void add_effort(FieldReader& reader, std::string_view name, inference::ChatPrompt& prompt);

}  // namespace studio::api
