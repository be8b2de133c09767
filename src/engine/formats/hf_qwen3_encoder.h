// A folder of Qwen3-Embedding or Qwen3-Reranker as a model: a decoder's folder (hf_folder.h) whose vectors are kept
// instead of being asked for the next token.
//
// What tells it from a model for chat, as config.json is the same: modules.json, which sentence-transformers lays
// beside it; the class Qwen3ForSequenceClassification; `is_original_qwen3_reranker: true`, which vLLM is told; or,
// where a reranker came without any of them, its folder's name, which holds "reranker".
// Keys are those of GGUF's "qwen3" with qwen3.pooling_type, 3 (last) or 4 (rank), and those of our own that
// hf_encoder_config.h names. The head of a folder with one label is cls.output.weight [1, C]; of others the rows of two
// words in the decoder's own head.
// Errors: those of the readers, naming file and field or tensor.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/formats/hf_fields.h"
#include "engine/formats/hf_folder.h"
#include "engine/formats/model_source.h"

namespace studio::engine {

// The two words between which a reranker chooses, as ids: u32. Where they are missing, "yes" and "no".
inline constexpr std::string_view kYesKey = "studio.rank.yes", kNoKey = "studio.rank.no";
// What the tokenizer puts around a text, i32 arrays; missing: nothing is known of it.
inline constexpr std::string_view kBeforeKey = "studio.around.before", kAfterKey = "studio.around.after";

// "Qwen3-Reranker-0.6B", "qwen3_reranker.gguf"
bool is_named_reranker(std::string_view name);
// `config` is the folder's config.json, whose model_type is "qwen3".
bool is_qwen3_encoder_folder(const std::string& path, const HfFields& config);

Result<ModelSource> read_hf_qwen3_encoder(const std::string& path, FolderPart part);

}  // namespace studio::engine
