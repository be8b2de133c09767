// From what someone typed, a name or a file, to a model that can be loaded.
#pragma once

#include <string>
#include <vector>

#include "api/gateway.h"
#include "catalogue/adapter_library.h"
#include "cli/command.h"

namespace studio::cli {

struct FoundModel {
  std::string name;  // as clients ask for it
  std::string path;  // a file, or the folder of one in safetensors
  std::vector<std::string> aliases;
};

// A path (with a '/', or ending in .gguf or .panels), or a name of the library or the catalogue. A model of the
// catalogue that is not here is pulled, with progress; a hub's repository ("hf:OWNER/NAME") is not, as nobody can tell
// how much that is. Errors: not_found with the nearest name, or the command that pulls it; failed_precondition for a
// model of a kind that is not served; those of pull().
bool looks_like_a_path(const std::string& text);
Result<FoundModel> find_model(Context& context, const std::string& name_or_file);

// The adapters of a model that are here, for a gateway.
api::GatewayAdapter gateway_adapter(const catalogue::LocalAdapter& adapter);
Result<std::vector<api::GatewayAdapter>> adapters_of(const Context& context, const std::string& model);

// serve.default_model, pulled if need be; where it cannot be had, the built-in tiny model, after saying so.
Result<FoundModel> find_default_model(Context& context);

}  // namespace studio::cli
