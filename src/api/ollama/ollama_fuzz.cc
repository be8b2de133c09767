// Any bytes as a body: parsed or refused by name, never a crash; what is taken stays inside the limits.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/ollama/parse.h"
#include "base/json_mutator.h"

namespace {

using namespace studio;
using namespace studio::api::ollama;

void check(bool holds) {
  if (!holds) std::abort();
}

void check_call(const GenerateCall& call) {
  const engine::SamplingParams& sampling = call.sampling;
  check(sampling.temperature >= 0 && sampling.temperature < 2 && sampling.top_p > 0 && sampling.top_p <= 1);
  check(sampling.min_p >= 0 && sampling.min_p <= 1 && sampling.repetition_penalty > 0 && sampling.top_k >= 0);
  check(!call.max_completion_tokens || (*call.max_completion_tokens > 0 && !call.fills_context));
  check(!call.num_ctx || *call.num_ctx > 0);
  check(call.stop.size() <= inference::kMaxStopStrings);
  for (const auto& stop : call.stop) check(!stop.empty() && stop.size() <= inference::kMaxStopBytes);
  check(!call.model.empty() && call.model.size() <= api::kMaxModelNameBytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto chat = parse_chat(body);
  if (chat.ok()) {
    check_call(chat->generate);
    check(chat->prompt.messages.size() <= api::kMaxMessages);
    check(!chat->prompt.is_partial || !chat->prompt.messages.back().content.empty());
  } else {
    check(!chat.error().message().empty());
  }
  const auto completion = parse_completion(body);
  if (completion.ok()) {
    check_call(completion->generate);
    check(!completion->is_raw || (!completion->system && !completion->suffix));
  } else {
    check(!completion.error().message().empty());
  }
  for (const auto& vectors : {parse_embed(body), parse_old_embeddings(body)}) {
    vectors.ok() ? check(vectors->items.size() <= api::kMaxEmbedTexts) : check(!vectors.error().message().empty());
  }
  const auto shown = parse_show(body);
  shown.ok() ? check(!shown->empty() && shown->size() <= api::kMaxModelNameBytes)
             : check(!shown.error().message().empty());
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed);
}
