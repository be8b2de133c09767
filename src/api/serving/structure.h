// What a request says of the form of its answer: schemas, patterns, functions to call. One reading for all dialects.
// What cannot be held to is refused here, with the JSON pointer of the keyword, before anything is computed.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "api/serving/field_tables.h"
#include "api/serving/fields.h"
#include "api/serving/generate.h"
#include "inference/text_model.h"

namespace studio::api {

// `response_format` as OpenAI and DashScope have it: text, json_object, json_schema.
void read_response_format(FieldReader& reader, GenerateCall& call);
// The field's value is the schema.
void hold_to_schema(FieldReader& reader, std::string_view field, const boost::json::value& schema, GenerateCall& call);
void hold_to_json(std::string_view field, GenerateCall& call);
// `structured_outputs` and the older guided_* fields, as vLLM has them: json, json_object, regex, choice, grammar.
void read_structured_outputs(FieldReader& reader, GenerateCall& call);

// `tools`, `tool_choice` and `parallel_tool_calls` as OpenAI has them.
void read_tools(FieldReader& reader, inference::ToolSet& set, std::vector<std::string>* ignored = nullptr);
// One function: its name, whether it is `strict`, and what the template shows. `parameters` may be null: it takes none.
// `field` names the place of the schema; what cannot be held to is told where it is known who answers (held_tools.h).
void add_tool(FieldReader& reader, std::string_view field, std::string name, boost::json::object function,
              const boost::json::value* parameters, bool is_strict, inference::ToolSet& set);
// `tool_calls` of a message of the assistant, as OpenAI has them.
void read_tool_calls(FieldReader& message, inference::Message& into, std::vector<std::string>* ignored = nullptr);
// `tool_call_id` of a message of a tool: the call that it answers. Qwen-Agent (0.0.34) calls it `id`, which is read in
// its place.
void read_tool_call_id(FieldReader& message, inference::Message& into);

// Whether the object's `type` is the wanted one, or absent. If not, that is its fault, and not the fields that go with
// it.
bool has_type(FieldReader& reader, const std::string& place, const boost::json::object& object,
              std::string_view wanted);

// The tables of what these read; `prefix` is "" or "parameters.", `messages` the place of the messages.
void add_format_tables(const std::string& prefix, std::vector<FieldTable>& tables);
void add_structured_tables(std::vector<FieldTable>& tables);
void add_tool_tables(const std::string& prefix, std::vector<FieldTable>& tables);
void add_call_tables(const std::string& messages, std::vector<FieldTable>& tables);

// Tool messages answer calls of the message before them. `place` of message i: "messages[i]".
void check_tool_messages(FieldReader& reader, const inference::ChatPrompt& prompt);

inline constexpr size_t kMaxToolNameBytes = 128;  // what the vendors take at most
inline constexpr size_t kMaxToolCallsOfMessage = 128;

}  // namespace studio::api
