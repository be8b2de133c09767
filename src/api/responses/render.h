// Records as the wire has them. Pure functions: any thread.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "api/responses/record.h"

namespace studio::api::responses {

// The response object, with its output and usage as far as there are any.
boost::json::object response_object(const Record& record);
// The same before anything came of it.
boost::json::object response_object(const Record& record, State state);

// The items of what came: reasoning, then the message, then calls.
boost::json::array output_items(const Record& record);
// The same without log probabilities, as prompts and conversations hold them.
boost::json::array plain_output_items(const Record& record);

// `status` is "in_progress", "completed" or "incomplete".
boost::json::object reasoning_item(std::string_view id, const std::string& text, const char* status);
boost::json::object message_item(std::string_view id, boost::json::array content, const char* status);
boost::json::object call_item(std::string_view id, const Piece& first, const std::string& arguments,
                              const char* status);
boost::json::object text_part(const std::string& text, boost::json::array logprobs);

}  // namespace studio::api::responses
