// The wire's JSON to calls. Pure functions of the body: any thread. Every error names the field, what is wrong with its
// value and what would be right; what is not built is unimplemented, never dropped.
#pragma once

#include <string_view>

#include "api/anthropic/wire.h"
#include "api/serving/field_tables.h"
#include "base/result.h"

namespace studio::api::anthropic {

Result<MessagesCall> parse_messages(std::string_view body);
Result<CountCall> parse_count(std::string_view body);

std::vector<EndpointFields> field_tables();  // what each reads, as data

}  // namespace studio::api::anthropic
