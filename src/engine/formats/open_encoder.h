// A text encoder from its path: a GGUF file of the architecture "bert", or of "qwen3" with a qwen3.pooling_type; a
// folder of sentence-transformers, of a cross-encoder, or of Qwen3-Embedding or Qwen3-Reranker (hf_qwen3_encoder.h says
// how these are told from a model for chat). What is not one is a model of open_model.h, or none.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/formats/model_source.h"

namespace studio::engine {

// By what the file or the folder's config.json says it is. False also where nothing can be read: whoever opens it then
// says why.
bool is_encoder(const std::string& path);

// As open_model() and read_model_head() are; the head of a folder holds no tensor at all.
Result<ModelSource> open_encoder(const std::string& path);
Result<ModelSource> read_encoder_head(const std::string& path);

}  // namespace studio::engine
