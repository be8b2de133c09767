#include "api/serving/structure.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/serving/call_fields.h"
#include "api/serving/verdicts.h"
#include "base/json.h"
#include "engine/constrain/spec.h"
#include "engine/constrain/tool_grammar.h"

namespace studio::api {
namespace {

namespace json = boost::json;

constexpr size_t kMaxSchemaNameBytes = 64;  // what the original takes

void hold_to(FieldReader& reader, std::string_view field, std::string spec, GenerateCall& call) {
  if (!call.constraint.empty()) {
    return reader.fail(field, "and " + call.constraint_field + " exclude each other");
  }
  if (const Status verdict = verdict_of(spec).status; !verdict.ok()) {
    return reader.fail(at_field(reader.path_of(field), verdict.error()));
  }
  call.constraint = std::move(spec);
  call.constraint_field = reader.path_of(field);
}

constexpr FieldRule kFormatRules[] = {{"type", FieldUse::kHonoured, R"("text" "json_object" "json_schema")"},
                                      {"json_schema"}};
constexpr FieldRule kSchemaRules[] = {{"name"}, {"schema"}, {"strict"}, {"description", FieldUse::kNoEffect, "a text"}};

void read_json_schema(FieldReader& format, GenerateCall& call) {
  const json::object* object = format.object("json_schema");
  if (!object) return format.fail("json_schema", "is missing: an object with name and schema");
  FieldReader inner(*object, format.path_of("json_schema"), kSchemaRules, &call.ignored);
  const auto name = inner.text("name");
  if (name && (name->empty() || name->size() > kMaxSchemaNameBytes)) {
    inner.fail("name", "must be a text of 1 to " + std::to_string(kMaxSchemaNameBytes) + " bytes");
  }
  inner.flag("strict");  // every schema is held to; there is no looser way
  const json::object* schema = inner.object("schema");
  if (inner.ok() && schema) {
    hold_to_schema(inner, "schema", *schema, call);
  } else if (inner.ok()) {
    inner.fail("schema", "is missing: a JSON Schema");
  }
  if (!inner.ok()) format.fail(inner.status().error());
}

constexpr FieldRule kStructuredRules[] = {
    {"json"}, {"json_object"}, {"regex"}, {"choice"}, {"grammar"},
};

void read_json(FieldReader& reader, std::string_view field, GenerateCall& call) {
  const json::value* value = reader.find(field);
  if (!value) return;
  if (!value->is_string()) return hold_to_schema(reader, field, *value, call);
  auto schema = parse_json(value->get_string(), {.depth = engine::constrain::kMaxSpecDepth});
  if (!schema.ok()) return reader.fail(field, "must be a JSON Schema; it is a text that is no JSON");
  hold_to_schema(reader, field, *schema, call);
}

// In the way of llama.cpp where rules are defined by ::=, otherwise in Lark's.
void read_grammar(FieldReader& reader, std::string_view field, GenerateCall& call) {
  const auto grammar = reader.text(field);
  if (!grammar) return;
  const bool is_gbnf = grammar->find("::=") != std::string::npos;
  hold_to(reader, field, spec_of(is_gbnf ? "gbnf" : "lark", json::string(*grammar)), call);
}

void read_pattern(FieldReader& reader, std::string_view field, GenerateCall& call) {
  if (const auto pattern = reader.text(field)) hold_to(reader, field, spec_of("regex", json::string(*pattern)), call);
}

void read_choice(FieldReader& reader, std::string_view field, GenerateCall& call) {
  if (const json::array* choices = reader.list(field)) hold_to(reader, field, spec_of("choices", *choices), call);
}

bool is_tool_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxToolNameBytes && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == ':';
  });
}

constexpr FieldRule kToolRules[] = {
    {"type", FieldUse::kHonoured, R"("function")"}, {"function"}, {"cache_control", FieldUse::kNoEffect, "an object"}};
constexpr FieldRule kFunctionRules[] = {{"name"}, {"description"}, {"parameters"}, {"strict"}};

void read_tool(FieldReader& tool, inference::ToolSet& set) {
  tool.text("type");
  const json::object* function = tool.object("function");
  if (!function) return tool.fail("function", "is missing: an object with name, description and parameters");
  FieldReader inner(*function, tool.path_of("function"), kFunctionRules, nullptr);
  auto name = inner.text("name");
  if (inner.ok() && !name) inner.fail("name", "is missing");
  inner.text("description");
  const bool is_strict = inner.flag("strict").value_or(false);
  inner.object("parameters");
  if (inner.ok()) {
    json::object shown = *function;
    shown.erase("strict");
    add_tool(inner, "parameters", std::move(*name), std::move(shown), inner.find("parameters"), is_strict, set);
  }
  if (!inner.ok()) tool.fail(inner.status().error());
}

constexpr FieldRule kChoiceRules[] = {{"type", FieldUse::kHonoured, R"("function")"}, {"function"}};
constexpr FieldRule kChosenRules[] = {{"name"}};

void read_named_choice(FieldReader& reader, const json::object& object, inference::ToolChoice& choice) {
  if (!has_type(reader, "tool_choice", object, "function")) return;
  FieldReader inner(object, reader.path_of("tool_choice"), kChoiceRules, nullptr);
  const auto type = inner.text("type");
  if (inner.ok() && type != "function") inner.fail("type", "must be \"function\"");
  const json::object* function = inner.object("function");
  if (inner.ok() && !function) inner.fail("function", "is missing: an object with a name");
  if (inner.ok()) {
    FieldReader chosen(*function, inner.path_of("function"), kChosenRules, nullptr);
    if (auto name = chosen.text("name")) choice.name = std::move(*name);
    if (chosen.ok() && choice.name.empty()) chosen.fail("name", "is missing");
    if (!chosen.ok()) inner.fail(chosen.status().error());
  }
  choice.mode = inference::ToolChoice::Mode::kRequired;
  if (!inner.ok()) reader.fail(inner.status().error());
}

constexpr FieldRule kCallRules[] = {
    {"id"}, {"type", FieldUse::kHonoured, R"("function")"}, {"function"}, {"index", FieldUse::kNoEffect, "a number"}};
constexpr FieldRule kCalledRules[] = {{"name"}, {"arguments"}};

}  // namespace

void hold_to_schema(FieldReader& reader, std::string_view field, const json::value& schema, GenerateCall& call) {
  hold_to(reader, field, spec_of("json_schema", schema), call);
}

void hold_to_json(std::string_view field, GenerateCall& call) {
  call.constraint = spec_of("json_object", true);
  call.constraint_field = field;
}

void read_response_format(FieldReader& reader, GenerateCall& call) {
  const json::object* object = reader.object("response_format");
  if (!object) return;
  FieldReader format(*object, reader.path_of("response_format"), kFormatRules, nullptr);
  const auto type = format.text("type");
  if (format.ok() && !type) {
    format.fail("type", "is missing; it is text, json_object or json_schema");
  } else if (format.ok() && *type == "json_schema") {
    read_json_schema(format, call);
  } else if (format.ok() && format.find("json_schema")) {
    format.fail("json_schema", "is only allowed with type: \"json_schema\"");
  } else if (format.ok() && *type == "json_object") {
    hold_to_json(reader.path_of("response_format"), call);
    call.is_json_mode = true;
  } else if (format.ok() && *type != "text") {
    format.fail("type", "must be text, json_object or json_schema; it is " + quoted(*type));
  }
  if (!format.ok()) reader.fail(format.status().error());
}

void read_structured_outputs(FieldReader& reader, GenerateCall& call) {
  read_json(reader, "guided_json", call);
  read_pattern(reader, "guided_regex", call);
  read_choice(reader, "guided_choice", call);
  read_grammar(reader, "guided_grammar", call);
  const json::object* object = reader.object("structured_outputs");
  if (!object) return;
  FieldReader inner(*object, reader.path_of("structured_outputs"), kStructuredRules, nullptr);
  read_json(inner, "json", call);
  if (inner.flag("json_object").value_or(false)) hold_to(inner, "json_object", spec_of("json_object", true), call);
  read_pattern(inner, "regex", call);
  read_choice(inner, "choice", call);
  read_grammar(inner, "grammar", call);
  if (inner.ok() && call.constraint.empty())
    reader.fail("structured_outputs", "must hold json, json_object, regex, choice or grammar");
  if (!inner.ok()) reader.fail(inner.status().error());
}

void add_tool(FieldReader& reader, std::string_view field, std::string name, json::object function,
              const json::value* parameters, bool is_strict, inference::ToolSet& set) {
  if (!is_tool_name(name)) {
    return reader.fail("name", "must be 1 to " + std::to_string(kMaxToolNameBytes) +
                                   " letters, digits and the signs _ - . : only; it is " + quoted(name));
  }
  if (std::ranges::any_of(set.tools, [&name](const auto& other) { return other.name == name; })) {
    return reader.fail("name", "is that of an earlier function: " + quoted(name));
  }
  inference::ToolDefinition tool{.name = std::move(name),
                                 .function = std::move(function),
                                 .parameters = {},
                                 .is_strict = is_strict,
                                 .field = reader.path_of(field)};
  tool.parameters =
      parameters ? *parameters : json::value(json::object{{"type", "object"}, {"properties", json::object()}});
  if (tool.parameters.is_object() && !tool.parameters.get_object().contains("type")) {
    tool.parameters.get_object()["type"] = "object";
  }
  set.tools.push_back(std::move(tool));
}

void read_tools(FieldReader& reader, inference::ToolSet& set, std::vector<std::string>* ignored) {
  if (const json::array* tools = reader.list("tools")) {
    read_objects(reader, "tools", *tools, engine::constrain::kMaxTools, "an object with type and function",
                 [&](const json::object& object, const std::string& place, size_t) {
                   if (!has_type(reader, place, object, "function")) return;
                   FieldReader inner(object, reader.path_of(place), kToolRules, ignored);
                   read_tool(inner, set);
                   if (!inner.ok()) reader.fail(inner.status().error());
                 });
  }
  inference::ToolChoice& choice = set.choice;
  choice.is_parallel = reader.flag("parallel_tool_calls").value_or(false);
  const json::value* wanted = reader.find("tool_choice");
  if (!wanted) return;
  using Mode = inference::ToolChoice::Mode;
  if (wanted->is_object()) {
    read_named_choice(reader, wanted->get_object(), choice);
  } else if (!wanted->is_string()) {
    reader.fail("tool_choice", "must be auto, none, required or an object that names a function");
  } else if (wanted->get_string() == "required") {
    choice.mode = Mode::kRequired;
  } else if (wanted->get_string() == "none") {
    choice.mode = Mode::kNone;
  } else if (wanted->get_string() != "auto") {
    reader.fail("tool_choice", "must be auto, none, required or an object that names a function; it is " +
                                   quoted(wanted->get_string()));
  }
  if (choice.mode != Mode::kRequired) return;
  if (set.tools.empty()) return reader.fail("tool_choice", "needs tools to choose from");
  const bool is_there = std::ranges::any_of(set.tools, [&](const auto& tool) { return tool.name == choice.name; });
  if (!choice.name.empty() && !is_there) {
    reader.fail("tool_choice.function.name", "must be one of tools; it is " + quoted(choice.name));
  }
}

void read_tool_calls(FieldReader& message, inference::Message& into, std::vector<std::string>* ignored) {
  const json::array* calls = message.list("tool_calls");
  if (!calls) return;
  if (!calls->empty() && into.role != "assistant") {
    return message.fail("tool_calls", "is only allowed on a message of the assistant");
  }
  read_objects(message, "tool_calls", *calls, kMaxToolCallsOfMessage, "an object with id, type and function",
               [&](const json::object& object, const std::string& place, size_t) {
                 if (!has_type(message, place, object, "function")) return;
                 FieldReader call(object, message.path_of(place), kCallRules, ignored);
                 inference::ToolCall made;
                 made.id = call.text("id").value_or("");
                 call.text("type");
                 const json::object* function = call.object("function");
                 if (call.ok() && !function) call.fail("function", "is missing: an object with name and arguments");
                 if (call.ok()) {
                   FieldReader inner(*function, call.path_of("function"), kCalledRules, nullptr);
                   made.name = inner.text("name").value_or("");
                   if (inner.ok() && made.name.empty()) inner.fail("name", "is missing");
                   made.arguments = inner.text("arguments").value_or("{}");
                   if (!inner.ok()) call.fail(inner.status().error());
                 }
                 if (!call.ok()) return message.fail(call.status().error());
                 into.tool_calls.push_back(std::move(made));
               });
}

void read_tool_call_id(FieldReader& message, inference::Message& into) {
  for (const std::string_view field : {"id", "tool_call_id"}) {
    const auto id = message.text(field);
    if (!id || id->empty()) continue;
    if (into.role != "tool") return message.fail(field, "is only allowed on a message of the role tool");
    into.tool_call_id = *id;
  }
}

void check_tool_messages(FieldReader& reader, const inference::ChatPrompt& prompt) {
  const std::vector<inference::ToolCall>* calls = nullptr;
  size_t i = 0;
  for (const inference::Message& message : prompt.messages) {
    const std::string place = "messages[" + std::to_string(i++) + "]";
    if (message.role != "tool") {
      calls = message.tool_calls.empty() ? nullptr : &message.tool_calls;
      continue;
    }
    if (calls == nullptr) {
      return reader.fail(place, "must follow a message of the assistant with tool_calls, as its role is tool");
    }
    const bool is_known =
        std::ranges::any_of(*calls, [&](const inference::ToolCall& call) { return call.id == message.tool_call_id; });
    if (!is_known) {
      return reader.fail(place + ".tool_call_id",
                         "must be the id of a call of the message before it; it is " + quoted(message.tool_call_id));
    }
  }
}

bool has_type(FieldReader& reader, const std::string& place, const json::object& object, std::string_view wanted) {
  const json::value* type = object.if_contains("type");
  if (!type || !type->is_string() || type->get_string() == wanted) return true;
  reader.fail(place + ".type", "must be \"" + std::string(wanted) + "\"; it is " + quoted(type->get_string()),
              Code::kUnimplemented);
  return false;
}

void add_format_tables(const std::string& prefix, std::vector<FieldTable>& tables) {
  tables.push_back({prefix + "response_format", "", kFormatRules});
  tables.push_back({prefix + "response_format.json_schema", "", kSchemaRules});
}

void add_structured_tables(std::vector<FieldTable>& tables) {
  tables.push_back({"structured_outputs", "", kStructuredRules});
}

void add_tool_tables(const std::string& prefix, std::vector<FieldTable>& tables) {
  tables.push_back({prefix + "tools[]", "function", kToolRules});
  tables.push_back({prefix + "tools[].function", "", kFunctionRules});
  tables.push_back({prefix + "tool_choice", "function", kChoiceRules});
  tables.push_back({prefix + "tool_choice.function", "", kChosenRules});
}

void add_call_tables(const std::string& messages, std::vector<FieldTable>& tables) {
  tables.push_back({messages + "[].tool_calls[]", "function", kCallRules});
  tables.push_back({messages + "[].tool_calls[].function", "", kCalledRules});
}

}  // namespace studio::api
