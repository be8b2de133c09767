// A sentence-transformers folder as a model: config.json, modules.json, the pooling module's config.json,
// sentence_bert_config.json where it is there, model.safetensors. The vocabulary (tokenizer.json) is read by the
// tokenizer, for an encoder takes ids.
//
// Keys and tensor names are those of GGUF's "bert" (model_source.h), so that a GGUF file and a folder are one to the
// encoder. A folder must hold every tensor its configuration asks for, each of the right shape, and none but what
// follows from no token: the pooler, which vectors of sentences do not pass (the scores of a BERT cross-encoder do),
// and stored positions. Errors: those of the readers, naming file and field or tensor.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/formats/hf_folder.h"
#include "engine/formats/model_source.h"

namespace studio::engine {

// kHead: the keys alone, no tensor; nothing is mapped.
Result<ModelSource> read_hf_encoder_folder(const std::string& path, FolderPart part = FolderPart::kAll);

}  // namespace studio::engine
