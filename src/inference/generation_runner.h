// Starts and follows the token streams of one GenerationRequest; text_model.h is the door.
#pragma once

#include <memory>

#include "engine/tokenizer/tokenizer.h"
#include "inference/generation.h"
#include "inference/model_client.h"

namespace studio::inference {

// What the model's vocabulary means to a generation.
struct ControlIds {
  std::vector<engine::TokenId> ends;  // end of turn, end of text
  engine::TokenId think = -1, end_think = -1;
  std::vector<engine::TokenId> closing;  // tokens that close reasoning: a line end, </think>, an empty line
};

// `context_tokens` is the worker's; the request fits it. The tokenizer is kept as long as the generation runs.
Result<std::unique_ptr<Generation>> run_generation(GenerationRequest request, const ControlIds& ids, int context_tokens,
                                                   std::shared_ptr<const engine::Tokenizer> tokenizer,
                                                   std::shared_ptr<ModelClient> client, GenerationSink sink);

}  // namespace studio::inference
