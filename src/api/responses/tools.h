// What a request says of the form of its answer, as this interface spells it: flat functions, `text.format`.
#pragma once

#include <boost/json/array.hpp>

#include "api/responses/wire.h"
#include "api/serving/fields.h"

namespace studio::api::responses {

// `tools`, `tool_choice`, `parallel_tool_calls`.
void read_tools(FieldReader& reader, ResponseCall& call);
// `text`: its format.
void read_text(FieldReader& reader, ResponseCall& call);

}  // namespace studio::api::responses
