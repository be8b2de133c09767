// A route whose answers may outlive their connections, where a gateway keeps any.
#pragma once

#include <memory>

#include "api/kept/kept_answers.h"
#include "api/serving/services.h"

namespace studio::api {

using ServedBy = void (*)(const Services&, const std::shared_ptr<http::Exchange>&);

inline void serve_kept(const Services& services, const std::shared_ptr<http::Exchange>& exchange,
                       const KeptWording& wording, ServedBy make) {
  if (!services.kept) return make(services, exchange);
  services.kept->serve(exchange, wording, [&](std::shared_ptr<http::Exchange> kept) { make(services, kept); });
}

}  // namespace studio::api
