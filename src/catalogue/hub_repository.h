// A repository of a hub as a model: named as "hf:OWNER/NAME" or "modelscope:OWNER/NAME", with "@REVISION" and, for a
// model of one file, "/FILE" behind it if wanted; and its list of files, of which those that make a model are kept.
//
// The list is foreign: names that lead anywhere but into the model's own folder are passed over, numbers and digests
// are taken only where they are ones. Pages read: Hugging Face's "Hub API endpoints" (tree), ModelScope's client for
// the list of a repository's files, November 2026.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalogue/catalogue.h"

namespace studio::catalogue {

inline constexpr size_t kMaxListingBytes = 8 << 20;   // 40,000 files; model repositories have under 300
inline constexpr size_t kMaxRepositoryFiles = 1'024;  // of one model: its shards and a few small ones

struct RepositoryName {
  Source source;     // a hub's, with its repository and revision
  std::string file;  // "model.gguf"; empty: the folder
};

// Whether `text` names a hub's repository; invalid_argument where it does so wrongly.
Result<std::optional<RepositoryName>> parse_repository_name(std::string_view text);

// What its model is called unless somebody chooses: the repository's name without its owner, or the file's without
// ".gguf".
std::string own_name(const RepositoryName& repository);

// The files of an answer to the question for the list, in its order. Errors: corrupt_data, the hub's own refusal.
Result<std::vector<ModelFile>> parse_listing(SourceKind hub, std::string_view json);

// The files that make a model out of all that are there: one GGUF file that was asked for, or the folder of safetensors
// with its JSON files. Errors: not_found, with what is there.
Result<std::vector<ModelFile>> choose_files(const std::vector<ModelFile>& all, const RepositoryName& name);

}  // namespace studio::catalogue
