// Any bytes as a body of these interfaces, or as a query: parsed or refused by name, never a crash; what is taken stays
// inside the limits, and what is kept of it reads as it was written.
#include <boost/json.hpp>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/responses/context.h"
#include "api/responses/items.h"
#include "api/responses/metadata.h"
#include "api/responses/parse.h"
#include "api/responses/query.h"
#include "api/responses/render.h"
#include "api/serving/degraded.h"
#include "api/serving/structure.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/json_mutator.h"

namespace {

using namespace studio;
using namespace studio::api::responses;

void check(bool holds) {
  if (!holds) std::abort();
}

void check_items(const boost::json::array& items, size_t most) {
  check(items.size() <= most);
  for (const auto& item : items) check(item.is_object() && item.get_object().contains("type"));
}

void check_messages(const ResponseCall& call) {
  const inference::ChatPrompt prompt = make_prompt(call, call.input);
  check(prompt.messages.size() <= api::kMaxMessages + 1);
  for (const auto& message : prompt.messages) {
    check((message.reasoning_content.empty() && message.tool_calls.empty()) || message.role == "assistant");
    check(message.tool_call_id.empty() == (message.role != "tool"));
  }
}

void check_call(const ResponseCall& call) {
  const engine::SamplingParams& sampling = call.generate.sampling;
  check(sampling.temperature >= 0 && sampling.temperature < 2 && sampling.top_p > 0 && sampling.top_p <= 1);
  check(sampling.top_logprobs == 0 || sampling.logprobs);
  check(!call.generate.max_completion_tokens || *call.generate.max_completion_tokens >= 16);
  check(!call.is_background || call.is_stored);
  check(call.previous_response_id.empty() || call.conversation_id.empty());
  check(!call.thinking_budget || call.enable_thinking != false);
  check(!call.generate.model.empty() && !call.input.empty());
  check(call.echo.at("metadata").get_object().size() <= kMaxPairs);
  check(call.echo.contains("degraded") != call.generate.degraded.empty());
  check(call.generate.degraded.size() <= api::kMaxLeftOut);
  for (const auto& tool : call.tools.tools) check(!tool.name.empty() && tool.name.size() <= api::kMaxToolNameBytes);
  check_items(call.input, api::kMaxMessages);
  for (const auto& item : call.input) {
    if (is_reference(item.get_object())) return;
  }
  check_messages(call);
  // Kept and read again it is the same.
  const Record record{
      .id = response_id_of(new_uuid()), .created_at = 1, .model = call.generate.model, .echo = call.echo};
  const auto again = from_stored(record.id, 1, to_stored(record));
  check(again.ok() && response_object(*again) == response_object(record));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto call = parse_response(body);
  call.ok() ? check_call(*call) : check(!call.error().message().empty());
  if (const auto counted = parse_count(body); counted.ok()) check_items(counted->input, api::kMaxMessages);
  if (const auto made = parse_conversation(body); made.ok()) {
    check_items(made->items, kMaxItemsPerCall);
    check(made->metadata.size() <= kMaxPairs);
  }
  if (const auto items = parse_new_items(body); items.ok()) check_items(items->items, kMaxItemsPerCall);
  if (const auto change = parse_metadata(body); change.ok()) check(change->metadata.size() <= kMaxPairs);
  if (const auto page = parse_page(body); page.ok()) check(page->limit >= 1 && page->limit <= 100);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed);
}
