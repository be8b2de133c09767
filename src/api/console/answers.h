// How the console's routes answer, whichever it is.
#pragma once

#include <memory>

#include "api/console/routes.h"
#include "base/result.h"
#include "http/exchange.h"

namespace studio::api::console {

using ExchangePtr = std::shared_ptr<http::Exchange>;

// Nothing of these answers is kept by the browser or by a proxy.
void send(const ExchangePtr& exchange, http::Response response);
void refuse(const ExchangePtr& exchange, const Error& error);

// Does the server's own key ask, or a session that began with it? Otherwise it is refused here. A made key opens models
// alone: one that is revoked must leave no session and no other key behind.
bool is_owner(const ConsoleServices& console, const ExchangePtr& exchange);

}  // namespace studio::api::console
