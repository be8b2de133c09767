#include "api/console/answers.h"

#include "api/console/static_files.h"
#include "api/openai/errors.h"

namespace studio::api::console {

void send(const ExchangePtr& exchange, http::Response response) {
  add_page_guards(response);
  response.fields.set("Cache-Control", "no-store");
  exchange->respond(std::move(response));
}

void refuse(const ExchangePtr& exchange, const Error& error) {
  send(exchange, openai::error_response(error, exchange->request().request_id));
}

bool is_owner(const ConsoleServices& console, const ExchangePtr& exchange) {
  // A temporary key of the server's own would make keys that outlive it.
  const bool is_lent = console.is_lent && console.is_lent(exchange->request());
  if (console.keys->is_own(exchange->request().principal) && !is_lent) return true;
  refuse(exchange, Error(Code::kPermissionDenied,
                         "Only the server's own key opens the console and changes keys; on the server's machine it "
                         "stands in the file `key` of its data folder."));
  return false;
}

}  // namespace studio::api::console
