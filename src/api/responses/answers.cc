#include "api/responses/answers.h"

#include <boost/json.hpp>

#include "api/openai/errors.h"
#include "api/responses/context.h"
#include "base/json.h"

namespace studio::api::responses {

namespace json = boost::json;

void answer_json(const ExchangePtr& exchange, const json::object& object) {
  exchange->respond(http::Response::json(200, to_json(object)));
}

void refuse(const ExchangePtr& exchange, const Error& error) {
  const char* code =
      error.param() == "previous_response_id" && error.code() == Code::kInvalidArgument ? kPreviousNotFound : nullptr;
  exchange->respond(openai::error_response(error, exchange->request().request_id, code));
}

json::object list_object(json::array items, bool has_more) {
  json::object list{{"object", "list"}, {"data", json::array()}, {"first_id", ""}, {"last_id", ""}};
  if (!items.empty()) list["first_id"] = items.front().at("id"), list["last_id"] = items.back().at("id");
  list["has_more"] = has_more;
  list["data"] = std::move(items);
  return list;
}

}  // namespace studio::api::responses
