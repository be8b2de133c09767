// What goes before a request's own items: earlier responses in a chain, or a conversation; and all of it as a prompt.
#pragma once

#include <boost/json/array.hpp>
#include <string>

#include "api/responses/shelf.h"
#include "api/responses/wire.h"
#include "inference/text_model.h"

namespace studio::api::responses {

// The items of the responses that this one follows, oldest first, or of its conversation. Instructions are not handed
// down. Errors: not_found with param previous_response_id where one of the chain is not there, or with param
// conversation; invalid_argument where the one before has not ended well, or all of it is too long.
Result<boost::json::array> earlier_items(Shelf& shelf, const std::string& key_id, const ResponseCall& call);

// Puts the items themselves where the request names some by their ids. Errors: not_found.
Status resolve_references(Shelf& shelf, const std::string& key_id, ResponseCall& call);

// `items` are all, earlier ones first.
inference::ChatPrompt make_prompt(const ResponseCall& call, const boost::json::array& items);

}  // namespace studio::api::responses
