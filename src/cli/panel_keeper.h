// Panels of the models that a gateway serves, kept for the next start (catalogue/kept_panels.h).
#pragma once

#include <string>
#include <vector>

#include "api/gateway.h"
#include "cli/command.h"

namespace studio::cli {

// Fills in the panels that are here. Nothing where engine.kept_panels is "none".
void find_kept_panels(const Context& context, std::vector<api::GatewayModel>& models);

// Once the models are loaded: a process of its own, of the lowest priority, makes those that are missing. It outlives
// this one, holds none of its descriptors, and nobody waits for it.
void keep_panels_of(const Context& context, const std::vector<api::GatewayModel>& models);

}  // namespace studio::cli
