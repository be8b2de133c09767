#include "api/serving/held_tools.h"

#include <boost/json/object.hpp>
#include <utility>

#include "api/serving/verdicts.h"
#include "engine/constrain/schema.h"

namespace studio::api {
namespace {

namespace json = boost::json;
using inference::ToolDefinition;
using inference::ToolFormat;
using inference::ToolSet;

json::value any_object() {
  return json::object{{"type", "object"}};
}

// An object whose properties have the types that this schema names.
json::value types_alone(const json::value& schema) {
  json::object typed;
  const json::object* object = schema.if_object();
  const json::value* properties = object == nullptr ? nullptr : object->if_contains("properties");
  if (properties == nullptr || !properties->is_object()) return any_object();
  for (const auto& [name, property] : properties->get_object()) {
    const json::value* type = property.is_object() ? property.get_object().if_contains("type") : nullptr;
    if (type != nullptr) typed[name] = json::object{{"type", *type}};
  }
  return json::object{{"type", "object"}, {"properties", std::move(typed)}};
}

Verdict verdict_alone(const ToolDefinition& tool, ToolFormat format) {
  ToolSet alone;
  alone.tools.push_back({.name = tool.name, .function = {}, .parameters = tool.parameters});
  alone.choice.mode = inference::ToolChoice::Mode::kRequired;
  return verdict_of(inference::tools_spec(alone, format, {}));
}

// Of functions that are asked one by one, together: a second at most, however many a request has.
constexpr size_t kMaxWorkOfEach = 2 * engine::constrain::kMaxSchemaWork;

Status hold_each(ToolSet& set, ToolFormat format) {
  size_t work = 0;
  for (ToolDefinition& tool : set.tools) {
    if (!set.may_call(tool.name)) continue;
    if (work > kMaxWorkOfEach && tool.is_strict) {
      return Error(Code::kPayloadTooLarge, tool.field + ": takes too much work beside the functions before it")
          .with_param(tool.field);
    }
    const Verdict verdict =
        work > kMaxWorkOfEach ? Verdict{Error(Code::kPayloadTooLarge, "")} : verdict_alone(tool, format);
    work += verdict.work;
    if (verdict.status.ok()) continue;
    if (tool.is_strict) return at_field(tool.field, verdict.status.error());
    tool.parameters = types_alone(tool.parameters);
    const Verdict of_types = verdict_alone(tool, format);
    work += of_types.work;
    if (!of_types.status.ok()) tool.parameters = any_object();
  }
  return Ok{};
}

}  // namespace

Status hold_tools(ToolSet& set, ToolFormat format, const std::string& answer, const std::string& field) {
  set.has_plain_calls = inference::may_have_plain_calls(set, format, answer);
  const auto verdict = [&] { return verdict_of(inference::tools_spec(set, format, answer)).status; };
  if (verdict().ok()) return Ok{};
  STUDIO_CHECK_OK(hold_each(set, format));
  if (verdict().ok()) return Ok{};
  for (ToolDefinition& tool : set.tools) {
    if (!tool.is_strict) tool.parameters = types_alone(tool.parameters);
  }
  if (verdict().ok()) return Ok{};
  for (ToolDefinition& tool : set.tools) {
    if (!tool.is_strict) tool.parameters = any_object();
  }
  Status last = verdict();
  if (last.ok()) return last;
  return Error(last.error().code(), field + " cannot be held to together: " + last.error().message()).with_param(field);
}

}  // namespace studio::api
