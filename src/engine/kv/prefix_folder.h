// Where prefix files lie: a folder of our own, one file for each identity and worker.
#pragma once

#include <string>

#include "engine/kv/prefix_file.h"

namespace studio::engine {

// Workers of one model, each with a file of its own: serve.replicas goes as far.
inline constexpr int kMaxPrefixFiles = 16;
// Files that no worker uses, kept for models that come back; beyond them the one used longest ago goes.
inline constexpr int kMaxIdlePrefixFiles = 4;

// The first file of this identity in `folder` that no other worker holds, made with mode 0600 where there is none.
// Files too many are removed. Errors: as PrefixFile::attach(); permission_denied where the folder or the file is not
// ours alone, overloaded where other workers hold all files.
Result<PrefixFile> open_prefix_file(const std::string& folder, const PrefixFile::Shape& shape);

}  // namespace studio::engine
