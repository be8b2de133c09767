// A Hugging Face model folder as a model: config.json, tokenizer.json, model.safetensors (or its shards and their
// index), and, where they are there, tokenizer_config.json, generation_config.json and chat_template.jinja.
//
// What was read of each file is translated to the keys and names of GGUF (model_source.h). A folder must hold every
// tensor its configuration asks for, each once and of the right shape; a tensor that nobody asked for is refused, as
// something would be left uncomputed.
// Errors: those of the readers, naming file and field or tensor.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/formats/model_source.h"

namespace studio::engine {

// The names of a folder's files, for whoever fetches or copies one.
inline constexpr const char* kHfConfigFile = "config.json";
inline constexpr const char* kHfWeightsFile = "model.safetensors";
inline constexpr const char* kHfIndexFile = "model.safetensors.index.json";

// kHead: no tensor has data, nothing is mapped.
enum class FolderPart { kAll, kHead };
Result<ModelSource> read_hf_folder(const std::string& path, FolderPart part);

}  // namespace studio::engine
