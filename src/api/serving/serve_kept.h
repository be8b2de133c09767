// A route whose answers may outlive their connections, where a gateway keeps any; and one that makes an object, once
// for each Idempotency-Key: the object's id follows from the request's, so who comes back finds it.
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

// Whether the request made its object before, or was about to.
inline bool is_made_again(const KeptAnswers* kept, const http::Request& request) {
  return kept && kept->is_again(request.request_id);
}

// Before the object is made: what a crash leaves must be enough to know the request again. Errors as of admit().
inline Status admit_object(KeptAnswers* kept, const http::Request& request) {
  if (!kept) return Ok{};
  // All that it follows from is its body, which is compared by itself, and what is stored.
  const auto run = kept->admit(request.request_id, [&] { return sha256(request.route); });
  return run.ok() ? Status(Ok{}) : Status(run.error());
}

// It could not be made; the next request begins anew.
inline void withdraw_object(KeptAnswers* kept, const http::Request& request) {
  if (kept) kept->end(request.request_id, KeptAnswers::End::kFailed);
}

}  // namespace studio::api
