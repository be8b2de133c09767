// The wire's JSON to calls. Pure functions of the body: any thread. Every error names the field, what is wrong with its
// value and what would be right; what is not built is unimplemented, never dropped.
#pragma once

#include <string_view>
#include <vector>

#include "api/responses/wire.h"
#include "api/serving/field_tables.h"
#include "base/result.h"

namespace studio::api::responses {

Result<ResponseCall> parse_response(std::string_view body);
Result<ResponseCall> parse_count(std::string_view body);             // how many tokens its prompt has
Result<ConversationCall> parse_conversation(std::string_view body);  // nothing at all is an empty one
Result<ConversationCall> parse_metadata(std::string_view body);      // of a conversation that is changed
Result<ConversationCall> parse_new_items(std::string_view body);     // for a conversation

std::vector<EndpointFields> field_tables();

}  // namespace studio::api::responses
