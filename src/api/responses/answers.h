// What every handler of this dialect answers with.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <memory>

#include "base/result.h"
#include "http/exchange.h"

namespace studio::api::responses {

using ExchangePtr = std::shared_ptr<http::Exchange>;

void answer_json(const ExchangePtr& exchange, const boost::json::object& object);
void refuse(const ExchangePtr& exchange, const Error& error);
// For a response that was neither being made nor stored as ended, looked for in this order.
void refuse_for_now(const ExchangePtr& exchange);

// {"object":"list","data","first_id","last_id","has_more"}
boost::json::object list_object(boost::json::array items, bool has_more);

}  // namespace studio::api::responses
