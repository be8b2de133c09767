// Import: a model of any kind into a panel file (formats/panel_file.h), quantised on the way if that is wanted.
//
// Works through the tensors a few rows at a time, so that memory does not grow with the model. The file grows under a
// temporary name beside its own, is read back against its digests, synced and renamed: it is whole or not there.
// Errors: invalid_argument for a choice that cannot be had; failed_precondition when the disk is full; those of
// reading.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "engine/formats/model_source.h"

namespace studio::engine {

// How matrices are stored. Vectors (norms, biases) are F32 always. A type of blocks that a row does not fill falls back
// to the next that it does: Q4_K to Q4_0, and what is no multiple of 32 to F16.
struct ImportTypes {
  std::optional<DType> matrices;  // none: as the model has them
  std::optional<DType> head;      // token_embd and output, which decide about the ids themselves: finer
};

// "none", "f32", "f16", "bf16", "q8_0", "q6_k", "q4_k", "q4_0".
Result<ImportTypes> import_types(std::string_view name);
inline constexpr std::string_view kImportTypeNames = "none, f32, f16, bf16, q8_0, q6_k, q4_k, q4_0";

struct ImportOptions {
  std::string quantise = "none";    // one of kImportTypeNames
  std::string source_sha256;        // of the files imported, for the record; 64 hexadecimal digits
  std::vector<uint8_t> vocabulary;  // its tables, carried along (docs/formats/vocabulary_tables.md); empty: none
  std::string vocabulary_sha256;    // of the vocabulary they are of; 64 hexadecimal digits; empty: it is not said
  std::function<void(int64_t done, int64_t total)> on_bytes;  // of the source's tensors
};

// `source` with all its tensors' data, not a panel file. Writes `path`.
Status import_panels(const ModelSource& source, const std::string& path, const ImportOptions& options,
                     ThreadPool& pool);

}  // namespace studio::engine
