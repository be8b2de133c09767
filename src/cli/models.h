// From what someone typed, a name or a file, to a model that can be loaded.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace studio::cli {

struct FoundModel {
  std::string name;  // as clients ask for it
  std::string path;  // GGUF
  std::vector<std::string> aliases;
};

// A path (with a '/' or ending in .gguf), or a name of the library or the catalogue. A model of the catalogue that is
// not here is pulled, with progress. Errors: not_found with the nearest name; failed_precondition for a model of a kind
// that is not served; those of pull().
Result<FoundModel> find_model(Context& context, const std::string& name_or_file);

// serve.default_model, pulled if need be; where it cannot be had, the built-in tiny model, after saying so.
Result<FoundModel> find_default_model(Context& context);

}  // namespace studio::cli
