// Any bytes as a body: parsed or refused by name, never a crash; what is taken stays inside the limits.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/anthropic/parse.h"
#include "base/json_mutator.h"

namespace {

using namespace studio;
using namespace studio::api::anthropic;

void check(bool holds) {
  if (!holds) std::abort();
}

void check_prompt(const inference::ChatPrompt& prompt) {
  // Each result of a tool becomes a message of its own.
  check(!prompt.messages.empty() && prompt.messages.size() <= (api::kMaxMessages + 1) * api::kMaxContentParts);
  for (size_t i = 0; i < prompt.messages.size(); ++i) {
    const inference::Message& message = prompt.messages[i];
    check(message.role == "user" || message.role == "assistant" || message.role == "system" || message.role == "tool");
    check(message.tool_calls.empty() || message.role == "assistant");
    check(message.tool_call_id.empty() || message.role == "tool");
    check(message.reasoning_content.empty() || message.role == "assistant");
  }
  check(!prompt.is_partial || (prompt.messages.back().role == "assistant" && !prompt.messages.back().content.empty()));
  check(!prompt.thinking_budget || (*prompt.thinking_budget > 0 && prompt.enable_thinking == true));
}

void check_call(const MessagesCall& call) {
  const engine::SamplingParams& sampling = call.generate.sampling;
  check(sampling.temperature >= 0 && sampling.temperature < 2 && sampling.top_p > 0 && sampling.top_p <= 1);
  check(sampling.top_k >= 0 && call.generate.max_tokens && *call.generate.max_tokens > 0);
  check(call.generate.stop.size() <= inference::kMaxStopStrings);
  for (const auto& stop : call.generate.stop) check(!stop.empty() && stop.size() <= inference::kMaxStopBytes);
  check(!call.generate.model.empty() && call.generate.model.size() <= api::kMaxModelNameBytes);
  check_prompt(call.prompt);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto call = parse_messages(body);
  call.ok() ? check_call(*call) : check(!call.error().message().empty());
  const auto count = parse_count(body);
  count.ok() ? check_prompt(count->prompt) : check(!count.error().message().empty());
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed);
}
