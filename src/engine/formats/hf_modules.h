// modules.json of a sentence-transformers folder: the steps from a text to its vector or score, in order.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace studio::engine {

struct HfModule {
  std::string type;  // the class alone: "Transformer", "Pooling", "Normalize", "LogitScore"
  std::string path;  // of its folder; empty: this one
};

// Errors: corrupt_data. Types of other packages keep their whole name.
Result<std::vector<HfModule>> read_hf_modules(std::string_view json);
// "Transformer Pooling Normalize"
std::string listed(const std::vector<HfModule>& modules);

// A folder inside this one, and no way out of it: "1_Pooling".
bool is_plain_folder_name(std::string_view name);

}  // namespace studio::engine
