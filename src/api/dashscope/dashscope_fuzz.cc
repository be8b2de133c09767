// Any bytes as a body: parsed or refused by name, never a crash; what is taken stays inside the limits.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <boost/json.hpp>

#include "api/dashscope/parse.h"
#include "api/dashscope/task_wire.h"
#include "base/json.h"
#include "base/json_mutator.h"

namespace {

using namespace studio;
using namespace studio::api::dashscope;

void check(bool holds) {
  if (!holds) std::abort();
}

void check_call(const GenerationCall& call) {
  const engine::SamplingParams& sampling = call.generate.sampling;
  check(sampling.temperature >= 0 && sampling.temperature < 2 && sampling.top_p > 0 && sampling.top_p <= 1);
  check(sampling.min_p >= 0 && sampling.min_p <= 1 && sampling.repetition_penalty > 0 && sampling.top_k >= 0);
  check(call.generate.n >= 1 && call.generate.n <= inference::kMaxChoices);
  check(call.generate.n == 1 || call.result_format != ResultFormat::kText);
  check(call.generate.stop.size() <= inference::kMaxStopStrings);
  check(call.generate.stop.empty() || call.generate.stop_ids.empty());
  for (const auto& stop : call.generate.stop) check(!stop.empty() && stop.size() <= inference::kMaxStopBytes);
  for (engine::TokenId id : call.generate.stop_ids) check(id >= 0);
  check(!call.prompt.messages.empty() && call.prompt.messages.size() <= 2 * api::kMaxMessages + 1);
  check(!call.prompt.is_partial || !call.prompt.messages.back().content.empty());
}

// Each text of a task is a request as it would be by itself.
void check_task(const EmbeddingTask& task) {
  check(!task.url.empty() && task.url.find('/') == std::string::npos);
  const store::Batch row = task_of(task, "k", "r", 1);
  const auto body = body_of_text(row, "a\u2028\"");
  check(body.ok());
  const auto call = parse_embedding(*body);
  check(call.ok() && call->model == task.model && call->items.size() == 1 && call->is_query == task.is_query &&
        call->dimensions == task.dimensions && call->may_cut == task.may_cut);
  check(parse_json(to_json(task_entry(row))).ok() && parse_json(to_json(task_output(row, "u"))).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto call = parse_generation(body);
  call.ok() ? check_call(*call) : check(!call.error().message().empty());
  const auto tokenizer = parse_tokenizer(body);
  tokenizer.ok() ? check(tokenizer->text.has_value() == tokenizer->prompt.messages.empty())
                 : check(!tokenizer.error().message().empty());
  const auto embedding = parse_embedding(body);
  embedding.ok() ? check(!embedding->items.empty() && embedding->items.size() <= api::kMaxEmbedTexts)
                 : check(!embedding.error().message().empty());
  const auto task = parse_embedding_task(body);
  task.ok() ? check_task(*task) : check(!task.error().message().empty());
  const auto rerank = parse_rerank(body);
  rerank.ok() ? check(!rerank->query.empty() && rerank->documents.size() <= api::kMaxRankDocuments)
              : check(!rerank.error().message().empty());
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed);
}
