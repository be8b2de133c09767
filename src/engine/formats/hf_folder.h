// A Hugging Face model folder as a model: config.json, tokenizer.json, model.safetensors (or its shards and their
// index), and, where they are there, tokenizer_config.json, generation_config.json and chat_template.jinja.
//
// What was read of each file is translated to the keys and names of GGUF (model_source.h). A folder must hold every
// tensor its configuration asks for, each once and of the right shape; a tensor that nobody asked for is refused, as
// something would be left uncomputed.
// Errors: those of the readers, naming file and field or tensor.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/formats/gguf_writer.h"
#include "engine/formats/hf_config.h"
#include "engine/formats/hf_tensors.h"
#include "engine/formats/model_source.h"

namespace studio::engine {

// The names of a folder's files, for whoever fetches or copies one.
inline constexpr const char* kHfConfigFile = "config.json";
inline constexpr const char* kHfWeightsFile = "model.safetensors";
inline constexpr const char* kHfIndexFile = "model.safetensors.index.json";

// kHead: no tensor has data, nothing is mapped.
enum class FolderPart { kAll, kHead };
Result<ModelSource> read_hf_folder(const std::string& path, FolderPart part);

// A folder of a known family that is no decoder for text: which tensors it must hold, and what more is told of it.
struct HfFolderPlan {
  HfConfig config;
  std::vector<ExpectedTensor> tensors;
  std::vector<std::string> passed_over;       // tensors that may be there, and of which nothing is computed
  bool may_lack_prefix = false;               // names without "model." in front, as the base classes save them
  std::function<void(GgufWriter&)> describe;  // keys besides those of the configuration and the vocabulary
};
Result<ModelSource> read_hf_folder(const std::string& path, FolderPart part, const HfFolderPlan& plan);

}  // namespace studio::engine
