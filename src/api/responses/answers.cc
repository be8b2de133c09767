#include "api/responses/answers.h"

#include <boost/json.hpp>

#include "api/openai/errors.h"
#include "base/json.h"

namespace studio::api::responses {

namespace json = boost::json;

void answer_json(const ExchangePtr& exchange, const json::object& object) {
  exchange->respond(http::Response::json(200, to_json(object)));
}

void refuse(const ExchangePtr& exchange, const Error& error) {
  const std::string& request_id = exchange->request().request_id;
  // The original's own answer to a chain that has no beginning: a fault of the request.
  if (error.code() == Code::kNotFound && error.param() == "previous_response_id") {
    return exchange->respond(
        http::Response::json(400, openai::error_body(error, request_id, "previous_response_not_found")));
  }
  exchange->respond(openai::error_response(error, request_id));
}

void refuse_for_now(const ExchangePtr& exchange) {
  refuse(exchange, Error(Code::kUnavailable, "The response has ended this moment; ask again.")
                       .with_retry_after(std::chrono::seconds(1)));
}

json::object list_object(json::array items, bool has_more) {
  json::object list{{"object", "list"}, {"data", json::array()}, {"first_id", ""}, {"last_id", ""}};
  if (!items.empty()) list["first_id"] = items.front().at("id"), list["last_id"] = items.back().at("id");
  list["has_more"] = has_more;
  list["data"] = std::move(items);
  return list;
}

}  // namespace studio::api::responses
