#include "inference/tools.h"

#include "base/json.h"
#include "engine/constrain/tool_grammar.h"

namespace studio::inference {

namespace json = boost::json;

ToolFormat tool_format_of(std::string_view chat_template) {
  if (chat_template.find("<tool_call>") == std::string_view::npos) return ToolFormat::kNone;
  if (chat_template.find("tools") == std::string_view::npos) return ToolFormat::kNone;
  const bool is_coder = chat_template.find("<function=") != std::string_view::npos;
  return is_coder ? ToolFormat::kCoder : ToolFormat::kHermes;
}

bool may_have_plain_calls(const ToolSet& set, ToolFormat format, const std::string& answer) {
  return format != ToolFormat::kNone && answer.empty() && set.tools.size() <= engine::constrain::kMaxPlainTools;
}

std::string tools_spec(const ToolSet& set, ToolFormat format, const std::string& answer) {
  const bool is_required = set.choice.mode == ToolChoice::Mode::kRequired;
  json::array functions;
  for (const ToolDefinition& tool : set.tools) {
    if (!set.may_call(tool.name)) continue;
    functions.push_back(json::object{{"name", tool.name}, {"parameters", tool.parameters}});
  }
  json::object tools{{"format", format == ToolFormat::kCoder ? "coder" : "hermes"},
                     {"plain", set.has_plain_calls},
                     {"text", !is_required},
                     {"least", is_required ? 1 : 0},
                     {"most", set.choice.most_calls()},
                     {"functions", std::move(functions)}};
  if (!answer.empty() && !is_required) {
    if (auto instead = parse_json(answer); instead.ok()) tools["answer"] = std::move(*instead);
  }
  return to_json(json::object{{"tools", std::move(tools)}});
}

json::array render_tools(const ToolSet& set) {
  json::array tools;
  for (const ToolDefinition& tool : set.tools) {
    tools.push_back(json::object{{"type", "function"}, {"function", tool.function}});
  }
  return tools;
}

}  // namespace studio::inference
