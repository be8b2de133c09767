// Functions that a model may call, and its calls: in neutral terms, whatever dialect and model.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace studio::inference {

// How a model writes calls, by its template (engine/constrain/tool_grammar.h); kNone: it was not taught to.
enum class ToolFormat { kNone, kHermes, kCoder };

ToolFormat tool_format_of(std::string_view chat_template);

struct ToolDefinition {
  std::string name;
  boost::json::object function;   // name, description, parameters: as the template shows it to the model
  boost::json::value parameters;  // the schema that arguments are held to
  bool is_strict = false;         // to all of it, or the call is refused
  std::string field = {};         // where the request has the schema: "tools[0].function.parameters"
};

inline constexpr int kMostCalls = 32;  // of one answer: more is a model that cannot stop

struct ToolChoice {
  enum class Mode { kAuto, kNone, kRequired };
  Mode mode = Mode::kAuto;
  std::string name;  // with kRequired: this one
  bool is_parallel = false;

  int most_calls() const { return is_parallel && name.empty() ? kMostCalls : 1; }
};

struct ToolSet {
  std::vector<ToolDefinition> tools;
  ToolChoice choice;
  // Calls are told from text without their tag too (engine/constrain/call_heads.h).
  bool has_plain_calls = false;

  bool is_used() const { return !tools.empty() && choice.mode != ToolChoice::Mode::kNone; }
  bool may_call(std::string_view name) const { return choice.name.empty() || choice.name == name; }
};

// Whether that may be: where the answer has no form of its own.
bool may_have_plain_calls(const ToolSet& set, ToolFormat format, const std::string& answer);

// What an answer is held to (engine/constrain/spec.h): calls, or text, or, where it is not empty, what `answer` says.
std::string tools_spec(const ToolSet& set, ToolFormat format, const std::string& answer);

// As templates read them: [{"type": "function", "function": {...}}].
boost::json::array render_tools(const ToolSet& set);

struct ToolCall {
  std::string id, name;
  std::string arguments;  // the text of a JSON object, as it was written
};

// A piece of a call. The first of a call has its id and name; `arguments` of all of them together are the call's.
struct ToolCallDelta {
  int index = 0;  // of the call within its choice
  std::string id, name;
  std::string arguments;
  bool is_last = false;
};

}  // namespace studio::inference
