#include "api/responses/tools.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/serving/structure.h"
#include "engine/constrain/tool_grammar.h"

namespace studio::api::responses {
namespace {

namespace json = boost::json;
using Mode = inference::ToolChoice::Mode;

constexpr FieldRule kToolRules[] = {
    {"type"},
    {"name"},
    {"description"},
    {"parameters"},
    {"strict"},
    {"defer_loading", FieldUse::kNotBuilt, "false"},
    {"async", FieldUse::kNotBuilt, "false"},
    {"allowed_callers", FieldUse::kNotBuilt, R"(["direct"])"},
    {"output_schema", FieldUse::kNotBuilt},
};
constexpr FieldRule kChosenRules[] = {{"type"}, {"name"}};
constexpr FieldRule kAllowedRules[] = {{"type"}, {"mode"}, {"tools"}};
constexpr FieldRule kTextRules[] = {{"format"}, {"verbosity", FieldUse::kNotBuilt, "\"medium\""}};
constexpr FieldRule kPlainFormatRules[] = {{"type"}};
constexpr FieldRule kSchemaFormatRules[] = {
    {"type"}, {"name"}, {"schema"}, {"strict"}, {"description", FieldUse::kNoEffect, "a text"}};

constexpr size_t kMaxFormatNameBytes = 64;  // what the original takes

// `type` of an object, or "" with a failure at `place`.
std::string type_of(FieldReader& reader, const std::string& place, const json::object& object) {
  const json::value* type = object.if_contains("type");
  if (type && type->is_string()) return std::string(type->get_string());
  reader.fail(place + ".type", "is missing");
  return "";
}

void read_tool(FieldReader& tool, inference::ToolSet& set) {
  auto name = tool.text("name");
  const auto description = tool.text("description");
  const bool is_strict = tool.flag("strict").value_or(false);
  const json::object* parameters = tool.object("parameters");
  if (tool.ok() && !name) tool.fail("name", "is missing");
  if (!tool.ok()) return;
  json::object shown{{"name", *name}};
  if (description) shown["description"] = *description;
  if (parameters) shown["parameters"] = *parameters;
  add_tool(tool, "parameters", std::move(*name), std::move(shown), tool.find("parameters"), is_strict, set);
}

bool is_there(const inference::ToolSet& set, std::string_view name) {
  return std::ranges::any_of(set.tools, [&](const auto& tool) { return tool.name == name; });
}

void read_chosen(FieldReader& reader, const json::object& object, inference::ToolSet& set) {
  FieldReader inner(object, "tool_choice", kChosenRules, nullptr);
  const auto name = inner.text("name");
  if (inner.ok() && !name) inner.fail("name", "is missing");
  if (inner.ok() && !is_there(set, *name)) inner.fail("name", "must be one of tools; it is " + quoted(*name));
  if (!inner.ok()) return reader.fail(inner.status().error());
  set.choice.mode = Mode::kRequired;
  set.choice.name = *name;
}

// Of the tools that were sent, only some may be called; the model is shown these alone.
void read_allowed(FieldReader& reader, const json::object& object, inference::ToolSet& set) {
  FieldReader inner(object, "tool_choice", kAllowedRules, nullptr);
  const auto mode = inner.text("mode");
  if (inner.ok() && mode != "auto" && mode != "required") inner.fail("mode", "must be auto or required");
  const json::array* allowed = inner.list("tools");
  if (inner.ok() && (!allowed || allowed->empty())) inner.fail("tools", "is missing: a list of tools");
  std::vector<inference::ToolDefinition> left;
  if (inner.ok()) {
    read_objects(
        inner, "tools", *allowed, engine::constrain::kMaxTools, "an object with type and name",
        [&](const json::object& each, const std::string& place, size_t) {
          const std::string type = type_of(inner, place, each);
          if (inner.ok() && type != "function") {
            inner.fail(place + ".type", "must be function; it is " + quoted(type), Code::kUnimplemented);
          }
          if (!inner.ok()) return;
          FieldReader one(each, inner.path_of(place), kChosenRules, nullptr);
          const std::string name = one.text("name").value_or("");
          if (one.ok() && !is_there(set, name)) one.fail("name", "must be one of tools; it is " + quoted(name));
          if (!one.ok()) return inner.fail(one.status().error());
          left.push_back(*std::ranges::find_if(set.tools, [&](const auto& tool) { return tool.name == name; }));
        });
  }
  if (!inner.ok()) return reader.fail(inner.status().error());
  set.tools = std::move(left);
  if (*mode == "required") set.choice.mode = Mode::kRequired;
}

void read_choice(FieldReader& reader, inference::ToolSet& set) {
  const json::value* wanted = reader.find("tool_choice");
  if (!wanted) return;
  if (const json::object* object = wanted->if_object()) {
    const std::string type = type_of(reader, "tool_choice", *object);
    if (type == "function") return read_chosen(reader, *object, set);
    if (type == "allowed_tools") return read_allowed(reader, *object, set);
    return reader.fail("tool_choice.type", "must be function or allowed_tools; it is " + quoted(type),
                       Code::kUnimplemented);
  }
  const std::string word = wanted->is_string() ? std::string(wanted->get_string()) : "";
  if (word == "none") {
    set.choice.mode = Mode::kNone;
  } else if (word == "required") {
    set.choice.mode = Mode::kRequired;
    if (set.tools.empty()) reader.fail("tool_choice", "needs tools to choose from");
  } else if (word != "auto") {
    reader.fail("tool_choice", "must be auto, none, required or an object that names a function");
  }
}

void read_schema(FieldReader& text, const json::object& format, GenerateCall& call) {
  FieldReader inner(format, text.path_of("format"), kSchemaFormatRules, &call.ignored);
  const auto name = inner.text("name");
  if (inner.ok() && (!name || name->empty() || name->size() > kMaxFormatNameBytes)) {
    inner.fail("name", "must be a text of 1 to " + std::to_string(kMaxFormatNameBytes) + " bytes");
  }
  inner.flag("strict");  // every schema is held to; there is no looser way
  const json::object* schema = inner.object("schema");
  if (inner.ok() && !schema) inner.fail("schema", "is missing: a JSON Schema");
  if (inner.ok()) hold_to_schema(inner, "schema", *schema, call);
  if (!inner.ok()) text.fail(inner.status().error());
}

void read_format(FieldReader& text, const json::object& format, GenerateCall& call) {
  const std::string type = type_of(text, "format", format);
  if (!text.ok()) return;
  if (type == "json_schema") return read_schema(text, format, call);
  if (type != "text" && type != "json_object") {
    return text.fail("format.type", "must be text, json_object or json_schema; it is " + quoted(type));
  }
  FieldReader inner(format, text.path_of("format"), kPlainFormatRules, nullptr);
  if (!inner.ok()) return text.fail(inner.status().error());
  if (type == "json_object") {
    hold_to_json(text.path_of("format"), call);
    call.is_json_mode = true;
  }
}

}  // namespace

void read_tools(FieldReader& reader, ResponseCall& call) {
  if (const json::array* tools = reader.list("tools")) {
    read_objects(reader, "tools", *tools, engine::constrain::kMaxTools, "an object with type and name",
                 [&](const json::object& object, const std::string& place, size_t) {
                   const std::string type = type_of(reader, place, object);
                   if (!reader.ok()) return;
                   if (type != "function") {
                     return reader.fail(
                         place + ".type",
                         "must be \"function\": this server has no tools of its own, not " + quoted(type),
                         Code::kUnimplemented);
                   }
                   FieldReader inner(object, place, kToolRules, &call.generate.ignored);
                   if (inner.ok()) read_tool(inner, call.tools);
                   if (!inner.ok()) reader.fail(inner.status().error());
                 });
  }
  call.tools.choice.is_parallel = reader.flag("parallel_tool_calls").value_or(true);
  if (reader.ok()) read_choice(reader, call.tools);
}

void add_tool_tables(std::vector<FieldTable>& tables) {
  tables.push_back({"tools[]", "function", kToolRules});
  tables.push_back({"tool_choice", "function", kChosenRules});
  tables.push_back({"tool_choice", "allowed_tools", kAllowedRules});
  tables.push_back({"tool_choice.tools[]", "function", kChosenRules});
}

void add_text_tables(std::vector<FieldTable>& tables) {
  tables.push_back({"text", "", kTextRules});
  for (const char* type : {"text", "json_object"}) tables.push_back({"text.format", type, kPlainFormatRules});
  tables.push_back({"text.format", "json_schema", kSchemaFormatRules});
}

void read_text(FieldReader& reader, ResponseCall& call) {
  const json::object* text = reader.object("text");
  if (!text) return;
  FieldReader inner(*text, "text", kTextRules, &call.generate.ignored);
  if (const json::object* format = inner.object("format"); format && inner.ok()) {
    read_format(inner, *format, call.generate);
  }
  if (!inner.ok()) reader.fail(inner.status().error());
}

}  // namespace studio::api::responses
