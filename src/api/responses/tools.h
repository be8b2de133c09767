// What a request says of the form of its answer, as this interface spells it: flat functions, `text.format`.
#pragma once

#include <vector>

#include "api/responses/wire.h"
#include "api/serving/field_tables.h"
#include "api/serving/fields.h"

namespace studio::api::responses {

// `tools`, `tool_choice`, `parallel_tool_calls`.
void read_tools(FieldReader& reader, ResponseCall& call);
// `text`: its format.
void read_text(FieldReader& reader, ResponseCall& call);

void add_tool_tables(std::vector<FieldTable>& tables);
void add_text_tables(std::vector<FieldTable>& tables);

}  // namespace studio::api::responses
