// A repository of a hub becomes a model: its list of files is asked for over the network and read by hub_repository.h.
#pragma once

#include <string>

#include "base/result.h"
#include "catalogue/catalogue.h"
#include "catalogue/hub.h"
#include "catalogue/hub_repository.h"

namespace studio::catalogue {

// Asks the hub. `name` becomes the model's name; empty: the repository's.
Result<Model> repository_model(const RepositoryName& repository, const std::string& name, const HubSettings& settings);

}  // namespace studio::catalogue
