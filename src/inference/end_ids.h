// Which tokens end an answer of a model, as its file says.
#pragma once

#include <vector>

#include "base/result.h"
#include "engine/formats/model_source.h"
#include "engine/tokenizer/tokenizer.h"

namespace studio::inference {

// A GGUF file names one, a folder may name several; chat models also end at their end of turn and end of text.
Result<std::vector<engine::TokenId>> end_ids(const engine::ModelSource& file, const engine::Tokenizer& tokenizer);

}  // namespace studio::inference
