// Any bytes as a body: parsed or refused by name, never a crash; what is taken stays inside the limits.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "api/openai/parse.h"
#include "base/json_mutator.h"

namespace {

using namespace studio;
using namespace studio::api::openai;

void check(bool holds) {
  if (!holds) std::abort();
}

void check_call(const GenerateCall& call) {
  const engine::SamplingParams& sampling = call.sampling;
  check(sampling.temperature >= 0 && sampling.temperature < 2 && sampling.top_p > 0 && sampling.top_p <= 1);
  check(sampling.min_p >= 0 && sampling.min_p <= 1 && sampling.repetition_penalty > 0 && sampling.top_k >= 0);
  check(sampling.logit_bias.size() <= static_cast<size_t>(engine::kMaxLogitBias));
  for (const auto& [id, bias] : sampling.logit_bias) check(id >= 0 && bias >= -100 && bias <= 100);
  check(call.n >= 1 && call.stop.size() <= inference::kMaxStopStrings);
  check(call.stop.empty() || call.stop_ids.empty());
  for (const std::string& stop : call.stop) check(!stop.empty() && stop.size() <= inference::kMaxStopBytes);
  for (engine::TokenId id : call.stop_ids) check(id >= 0);
}

template <typename Call>
void check_refusal(const Result<Call>& call) {
  if (!call.ok()) check(!call.error().message().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  auto chat = parse_chat(body);
  if (chat.ok()) {
    check_call(chat->generate);
    check(!chat->prompt.messages.empty());
  }
  auto completion = parse_completion(body);
  if (completion.ok()) {
    check_call(completion->generate);
    check(!completion->prompts.empty());
  }
  auto tokenize = parse_tokenize(body);
  auto embeddings = parse_embeddings(body);
  if (embeddings.ok()) check(!embeddings->items.empty() && embeddings->items.size() <= api::kMaxEmbedTexts);
  auto reranks = parse_reranks(body);
  if (reranks.ok())
    check(!reranks->query.empty() && !reranks->documents.empty() &&
          reranks->documents.size() <= api::kMaxRankDocuments);
  check_refusal(embeddings);
  check_refusal(reranks);
  check_refusal(chat);
  check_refusal(completion);
  check_refusal(tokenize);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed);
}
