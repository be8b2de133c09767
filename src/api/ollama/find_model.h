// A model by the name that these clients write: "name", or "name:latest".
#pragma once

#include <string>

#include "api/serving/services.h"

namespace studio::api::ollama {

Result<ServedModelPtr> find_model(const Services& services, const std::string& name);
// One of that kind, as ServedModels::find() has it.
Result<ServedModelPtr> find_model(const Services& services, const std::string& name, ModelKind kind);

}  // namespace studio::api::ollama
