#include "api/anthropic/parse.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/serving/cache_marks.h"
#include "api/serving/degraded.h"
#include "api/serving/effort.h"
#include "api/serving/structure.h"
#include "base/json.h"
#include "engine/constrain/tool_grammar.h"

namespace studio::api::anthropic {
namespace {

namespace json = boost::json;

// Edits of a context that leave it as it is. Coding agents always send the last.
constexpr std::string_view kNoEdits = R"({} {"edits":[]} {"edits":[{"type":"clear_thinking_20251015","keep":"all"}]})";
constexpr std::string_view kNoAccounts = "this server has no accounts of that kind";

// One line per field of POST /v1/messages; see the README for what each means.
constexpr FieldRule kMessagesRules[] = {
    {"model"},
    {"messages"},
    {"max_tokens"},
    {"system"},
    {"stream"},
    {"temperature"},
    {"top_p"},
    {"top_k"},
    {"stop_sequences"},
    {"thinking"},
    {"metadata", FieldUse::kNoEffect, "an object"},
    {"service_tier", FieldUse::kNoEffect, "a text"},
    {"cache_control"},
    {"tools"},
    {"tool_choice"},
    {"output_config"},
    {"output_format"},
    {"reasoning_effort", FieldUse::kNotBuilt, "", "say output_config.effort"},
    {"mcp_servers", FieldUse::kNotBuilt, "[]"},
    {"container", FieldUse::kNotBuilt, "", "this server runs no code"},
    {"diagnostics", FieldUse::kNotBuilt},
    {"user_profile_id", FieldUse::kNotBuilt, "", kNoAccounts},
    {"workspace_id", FieldUse::kNotBuilt, "", kNoAccounts},
    {"context_management", FieldUse::kNotBuilt, kNoEdits},
    {"inference_geo", FieldUse::kNotBuilt, "", "a server is at one place"},
    {"speed", FieldUse::kNotBuilt, "\"standard\""},
    {"allow_degraded"},
};

constexpr FieldRule kCountRules[] = {
    {"model"},
    {"messages"},
    {"system"},
    {"thinking"},
    {"cache_control"},
    {"tools"},
    {"tool_choice"},
    {"output_config"},
    {"mcp_servers", FieldUse::kNotBuilt, "[]"},
    {"context_management", FieldUse::kNotBuilt, kNoEdits},
    {"speed", FieldUse::kNotBuilt, "\"standard\""},
    {"user_profile_id", FieldUse::kNotBuilt, "", kNoAccounts},
    {"workspace_id", FieldUse::kNotBuilt, "", kNoAccounts},
};

constexpr FieldRule kMessageRules[] = {{"role", FieldUse::kHonoured, R"("user" "assistant")"}, {"content"}};

// Of blocks of text, and of thinking.
constexpr FieldRule kTextRules[] = {
    {"type", FieldUse::kHonoured, R"("text")"},
    {"text"},
    {"cache_control"},
    {"citations", FieldUse::kNotBuilt, "[]"},
};
constexpr FieldRule kThinkingBlockRules[] = {
    {"type", FieldUse::kHonoured, R"("thinking")"},
    {"thinking"},
    {"signature", FieldUse::kNoEffect, "a text"},
    {"cache_control"},
};
constexpr FieldRule kToolUseRules[] = {
    {"type", FieldUse::kHonoured, R"("tool_use")"},
    {"id"},
    {"name"},
    {"input"},
    {"cache_control"},
    {"caller", FieldUse::kNotBuilt, R"({"type":"direct"})"},
    {"toolset_name", FieldUse::kNotBuilt},
};
// That a result is an error, its text says to the model: templates have no other place for it.
constexpr FieldRule kToolResultRules[] = {
    {"type", FieldUse::kHonoured, R"("tool_result")"},
    {"tool_use_id"},
    {"content"},
    {"is_error", FieldUse::kNoEffect, "true or false"},
    {"toolset_name", FieldUse::kNotBuilt},
    {"cache_control"},
};
constexpr FieldRule kThinkingRules[] = {
    {"type", FieldUse::kHonoured, R"("enabled" "adaptive" "disabled")"}, {"budget_tokens"}, {"display"}};

// A list of blocks into a message: text into its content, thinking into its reasoning, calls and their results. Only
// the assistant thinks and calls; a result is a message of its own, before what else the user says.
class BlockReader {
 public:
  using Marks = std::vector<inference::CacheMark>;
  enum class From { kSystem, kUser, kAssistant, kTool };
  // `first` is the place in the conversation of the first message that comes of it: of a result, or where there are
  // none, of the message itself.
  BlockReader(FieldReader& reader, std::string_view field, From from, size_t first, Marks& marks,
              std::vector<std::string>* ignored, std::vector<inference::Message>* results = nullptr)
      : reader_(reader),
        field_(field),
        from_(from),
        first_(first),
        marks_(marks),
        ignored_(ignored),
        results_(results) {}

  void read(const json::array& blocks, inference::Message& message) {
    if (blocks.size() > kMaxContentParts) {
      return reader_.fail(field_, "may hold " + std::to_string(kMaxContentParts) + " blocks; it holds " +
                                      std::to_string(blocks.size()));
    }
    for (size_t i = 0; i < blocks.size() && reader_.ok(); ++i) {
      read_block(std::string(field_) + "[" + std::to_string(i) + "]", blocks[i], message);
    }
    // Results stand before what else is said, so only now it is known where that is.
    const size_t own = first_ + (results_ ? results_->size() : 0);
    for (const size_t mark : own_marks_) marks_[mark].message += own;
  }

 private:
  void read_block(const std::string& place, const json::value& value, inference::Message& message) {
    const json::object* block = value.if_object();
    if (!block) return reader_.fail(place, "must be an object; it is " + std::string(json_kind(value)));
    const json::value* type = block->if_contains("type");
    if (!type || !type->is_string()) return reader_.fail(place + ".type", R"(is missing; for a text it is "text")");
    if (type->get_string() == "text") {
      take(place, *block, kTextRules, "text", message.content, message.content);
    } else if (type->get_string() == "thinking" && from_ == From::kAssistant) {
      take(place, *block, kThinkingBlockRules, "thinking", message.reasoning_content, message.content);
    } else if (type->get_string() == "tool_use" && from_ == From::kAssistant) {
      take_call(place, *block, message);
    } else if (type->get_string() == "tool_result" && results_ != nullptr) {
      take_result(place, *block);
    } else {
      reader_.fail(place + ".type",
                   "must be " + allowed() + ": this version reads no others here, not " + quoted(type->get_string()),
                   Code::kUnimplemented);
    }
  }

  std::string allowed() const {
    if (from_ == From::kAssistant) return R"("text", "thinking" or "tool_use")";
    return results_ != nullptr ? R"("text" or "tool_result")" : R"("text")";
  }

  void take_call(const std::string& place, const json::object& block, inference::Message& message) {
    FieldReader inner(block, reader_.path_of(place), kToolUseRules, ignored_);
    inference::ToolCall call{
        .id = inner.text("id").value_or(""), .name = inner.text("name").value_or(""), .arguments = {}};
    if (inner.ok() && call.id.empty()) inner.fail("id", "is missing");
    if (inner.ok() && call.name.empty()) inner.fail("name", "is missing");
    const json::object* input = inner.object("input");
    if (inner.ok() && !input) inner.fail("input", "is missing: an object");
    mark(inner, {1, 0});  // calls stand behind the text: up to the next message
    if (!inner.ok()) return reader_.fail(inner.status().error());
    call.arguments = to_json(*input);
    message.tool_calls.push_back(std::move(call));
  }

  void take_result(const std::string& place, const json::object& block) {
    FieldReader inner(block, reader_.path_of(place), kToolResultRules, ignored_);
    inference::Message result{.role = "tool", .content = {}, .reasoning_content = {}};
    result.tool_call_id = inner.text("tool_use_id").value_or("");
    if (inner.ok() && result.tool_call_id.empty()) inner.fail("tool_use_id", "is missing");
    const json::value* content = inner.find("content");
    if (content && content->is_string()) {
      result.content = content->get_string();
    } else if (content && content->is_array()) {
      BlockReader(inner, "content", From::kTool, first_ + results_->size(), marks_, ignored_)
          .read(content->get_array(), result);
    } else if (content) {
      inner.fail("content", "must be a text or a list of blocks; it is " + std::string(json_kind(*content)));
    }
    if (has_cache_mark(inner, ignored_)) {
      add_cache_mark(inner, {first_ + results_->size(), result.content.size()}, marks_);
    }
    if (!inner.ok()) return reader_.fail(inner.status().error());
    results_->push_back(std::move(result));
  }

  void take(const std::string& place, const json::object& block, std::span<const FieldRule> rules,
            std::string_view name, std::string& into, const std::string& content) {
    FieldReader inner(block, reader_.path_of(place), rules, ignored_);
    auto text = inner.text(name);
    if (inner.ok() && !text) inner.fail(name, "is missing");
    if (inner.ok()) into += *text;
    mark(inner, {0, content.size()});
    if (!inner.ok()) reader_.fail(inner.status().error());
  }

  // Counted from the message itself.
  void mark(FieldReader& block, inference::CacheMark at) {
    if (!has_cache_mark(block, ignored_)) return;
    own_marks_.push_back(marks_.size());
    add_cache_mark(block, at, marks_);
    if (!block.ok()) own_marks_.pop_back();
  }

  FieldReader& reader_;
  const std::string_view field_;
  const From from_;
  const size_t first_;
  Marks& marks_;
  std::vector<size_t> own_marks_;  // of them, which are not in results
  std::vector<std::string>* const ignored_;
  std::vector<inference::Message>* const results_;
};

BlockReader::From from(std::string_view role) {
  if (role == "assistant") return BlockReader::From::kAssistant;
  return role == "system" ? BlockReader::From::kSystem : BlockReader::From::kUser;
}

// One message, or the results of tools with what the user says to them. What the system says in the midst of a
// conversation stays in its place; the template has it there, or refuses it.
std::vector<inference::Message> read_message(FieldReader& reader, inference::ChatPrompt& prompt,
                                             std::vector<std::string>* ignored) {
  std::vector<inference::Message> all;
  inference::Message message;
  auto role = reader.text("role");
  if (!role) {
    reader.fail("role", "is missing; it is user or assistant");
  } else if (*role != "user" && *role != "assistant" && *role != "system") {
    reader.fail("role", "must be user, assistant or system; it is " + quoted(*role));
  } else {
    message.role = *role;
  }
  const json::value* content = reader.find("content");
  if (!content) {
    reader.fail("content", "is missing: a text or a list of blocks");
  } else if (content->is_string()) {
    message.content = content->get_string();
  } else if (content->is_array()) {
    BlockReader(reader, "content", from(message.role), prompt.messages.size(), prompt.cache_marks, ignored,
                message.role == "user" ? &all : nullptr)
        .read(content->get_array(), message);
  } else {
    reader.fail("content", "must be a text or a list of blocks; it is " + std::string(json_kind(*content)));
  }
  if (all.empty() || !message.content.empty()) all.push_back(std::move(message));
  return all;
}

void read_system(FieldReader& reader, inference::ChatPrompt& prompt, std::vector<std::string>* ignored) {
  const json::value* value = reader.find("system");
  if (!value) return;
  inference::Message message{.role = "system", .content = {}, .reasoning_content = {}};
  if (value->is_string()) {
    message.content = value->get_string();
  } else if (value->is_array()) {
    BlockReader(reader, "system", BlockReader::From::kSystem, 0, prompt.cache_marks, ignored)
        .read(value->get_array(), message);
  } else {
    reader.fail("system", "must be a text or a list of text blocks; it is " + std::string(json_kind(*value)));
  }
  prompt.messages.push_back(std::move(message));
}

// The last message, where it is the assistant's, is the beginning of the answer.
void read_messages(FieldReader& reader, inference::ChatPrompt& prompt, std::vector<std::string>* ignored) {
  read_system(reader, prompt, ignored);
  const json::array* messages = reader.list("messages");
  if (!messages) return reader.fail("messages", "is missing: a list of messages");
  if (messages->empty()) return reader.fail("messages", "must hold at least one message");
  read_objects(reader, "messages", *messages, kMaxMessages, "an object with role and content",
               [&](const json::object& object, const std::string& place, size_t i) {
                 FieldReader inner(object, place, kMessageRules, ignored);
                 if (i == 0 && inner.text("role") == "system") {
                   inner.fail("role",
                              "must be user or assistant; the first words of the system are the field `system`");
                 }
                 for (auto& message : read_message(inner, prompt, ignored))
                   prompt.messages.push_back(std::move(message));
                 if (!inner.ok()) reader.fail(inner.status().error());
               });
  if (reader.ok()) check_tool_messages(reader, prompt);
  if (!reader.ok()) return;
  const inference::Message& last = prompt.messages.back();
  prompt.is_partial = last.role == "assistant";
  if (!prompt.is_partial) return;
  const std::string place = "messages[" + std::to_string(messages->size() - 1) + "].content";
  if (!last.tool_calls.empty()) {
    reader.fail(place, "must hold no tool_use in a last message: its results come first");
  } else if (last.content.empty())
    reader.fail(place, "must not be empty in a last message of the assistant, which is continued");
  if (!last.reasoning_content.empty()) reader.fail(place, "must hold no thinking in a last message of the assistant");
}

ThinkingWish read_thinking(FieldReader& reader, inference::ChatPrompt& prompt, std::vector<std::string>* ignored) {
  const json::object* thinking = reader.object("thinking");
  if (!thinking) return {};
  FieldReader inner(*thinking, "thinking", kThinkingRules, ignored);
  const auto type = inner.text("type");
  const auto budget = inner.integer("budget_tokens", 1, kMaxTokensLimit);
  if (inner.ok() && !type) inner.fail("type", "is missing; it is enabled, adaptive or disabled");
  if (inner.ok() && *type == "disabled") {
    prompt.enable_thinking = false;
    if (budget) inner.fail("budget_tokens", "is only allowed where thinking is enabled");
  } else if (inner.ok() && (*type == "enabled" || *type == "adaptive")) {
    prompt.enable_thinking = true;
    if (budget) prompt.thinking_budget = static_cast<int>(*budget);
    if (prompt.is_partial) inner.fail("type", "must be disabled where the last message is the assistant's");
  } else if (inner.ok()) {
    inner.fail("type", "must be enabled, adaptive or disabled; it is " + quoted(*type));
  }
  const auto display = inner.text("display");
  if (inner.ok() && display && *display != "summarized" && *display != "omitted") {
    inner.fail("display", "must be summarized or omitted; it is " + quoted(*display));
  }
  if (!inner.ok()) reader.fail(inner.status().error());
  return {.is_adaptive = type == "adaptive", .is_told = display != "omitted"};
}

constexpr FieldRule kToolRules[] = {
    {"type", FieldUse::kHonoured, R"("custom")"},
    {"name"},
    {"description"},
    {"input_schema"},
    {"strict"},
    {"cache_control"},
    {"eager_input_streaming", FieldUse::kNoEffect, "true or false"},  // input is streamed as it comes anyway
    {"defer_loading", FieldUse::kNotBuilt, "false"},
    {"allowed_callers", FieldUse::kNotBuilt, R"(["direct"])"},
    {"input_examples", FieldUse::kNotBuilt, "[]"},
};

void read_tool(FieldReader& tool, inference::ToolSet& set) {
  tool.text("type");
  auto name = tool.text("name");
  if (tool.ok() && !name) tool.fail("name", "is missing");
  const auto description = tool.text("description");
  const bool is_strict = tool.flag("strict").value_or(false);
  const json::object* schema = tool.object("input_schema");
  if (tool.ok() && !schema) tool.fail("input_schema", "is missing: a JSON Schema");
  if (!tool.ok()) return;
  json::object function{{"name", *name}};
  if (description) function["description"] = *description;
  function["parameters"] = *schema;
  add_tool(tool, "input_schema", *name, std::move(function), tool.find("input_schema"), is_strict, set);
}

constexpr FieldRule kChoiceRules[] = {
    {"type", FieldUse::kHonoured, R"("auto" "any" "tool" "none")"}, {"name"}, {"disable_parallel_tool_use"}};

void read_tool_choice(FieldReader& reader, inference::ToolSet& set) {
  using Mode = inference::ToolChoice::Mode;
  set.choice.is_parallel = true;
  const json::object* object = reader.object("tool_choice");
  if (!object) return;
  FieldReader inner(*object, "tool_choice", kChoiceRules, nullptr);
  const auto type = inner.text("type");
  const auto name = inner.text("name");
  set.choice.is_parallel = !inner.flag("disable_parallel_tool_use").value_or(false);
  if (inner.ok() && !type) inner.fail("type", "is missing; it is auto, any, tool or none");
  if (inner.ok() && name.has_value() != (*type == "tool")) {
    inner.fail("name", name ? "is only allowed with type: \"tool\"" : "is missing");
  }
  if (!inner.ok()) return reader.fail(inner.status().error());
  if (*type == "none") {
    set.choice.mode = Mode::kNone;
  } else if (*type == "any" || *type == "tool") {
    set.choice.mode = Mode::kRequired;
    set.choice.name = name.value_or("");
    const bool is_there = std::ranges::any_of(
        set.tools, [&](const auto& tool) { return set.choice.name.empty() || tool.name == set.choice.name; });
    if (!is_there) reader.fail("tool_choice", "must choose among tools, which do not have it");
  } else if (*type != "auto") {
    reader.fail("tool_choice.type", "must be auto, any, tool or none; it is " + quoted(*type));
  }
}

// Templates write the tools behind the first words of the system, before all else.
void read_tool_set(FieldReader& reader, inference::ChatPrompt& prompt, std::vector<std::string>* ignored) {
  inference::ToolSet& set = prompt.tools;
  const size_t first_turn = !prompt.messages.empty() && prompt.messages.front().role == "system" ? 1 : 0;
  if (const json::array* tools = reader.list("tools")) {
    read_objects(reader, "tools", *tools, engine::constrain::kMaxTools, "an object with name and input_schema",
                 [&](const json::object& object, const std::string& place, size_t) {
                   if (!has_type(reader, place, object, "custom")) return;  // others are the original's own
                   FieldReader inner(object, place, kToolRules, ignored);
                   read_tool(inner, set);
                   if (has_cache_mark(inner, ignored)) add_cache_mark(inner, {first_turn, 0}, prompt.cache_marks);
                   if (!inner.ok()) reader.fail(inner.status().error());
                 });
  }
  if (reader.ok()) read_tool_choice(reader, set);
}

// One for the whole prompt.
void read_last_mark(FieldReader& reader, inference::ChatPrompt& prompt, std::vector<std::string>* ignored) {
  if (has_cache_mark(reader, ignored)) add_cache_mark(reader, {prompt.messages.size(), 0}, prompt.cache_marks);
}

constexpr FieldRule kOutputRules[] = {{"format"},
                                      {"effort", FieldUse::kHonoured, R"("low" "medium" "high" "xhigh" "max")"},
                                      {"task_budget", FieldUse::kNotBuilt}};
constexpr FieldRule kFormatRules[] = {{"type", FieldUse::kHonoured, R"("json_schema")"}, {"schema"}};

void read_format(FieldReader& reader, std::string_view field, GenerateCall& call) {
  const json::object* object = reader.object(field);
  if (!object) return;
  FieldReader format(*object, reader.path_of(field), kFormatRules, nullptr);
  const auto type = format.text("type");
  const json::object* schema = format.object("schema");
  if (format.ok() && type != "json_schema") format.fail("type", "must be \"json_schema\"");
  if (format.ok() && !schema) format.fail("schema", "is missing: a JSON Schema");
  if (format.ok()) hold_to_schema(format, "schema", *schema, call);
  if (!format.ok()) reader.fail(format.status().error());
}

constexpr std::string_view kEfforts[] = {"low", "medium", "xhigh", "max"};

// What stands against an effort: a second word on thinking, or an answer that is continued behind it.
const char* against_effort(const inference::ChatPrompt& prompt) {
  if (prompt.thinking_budget) return "and thinking.budget_tokens exclude each other";
  if (prompt.is_partial) return "is not allowed where the last message is the assistant's, which is continued";
  return prompt.enable_thinking == false ? "contradicts thinking, which is disabled" : nullptr;
}

// A budget of reasoning, as elsewhere. "high" is what the original does where no effort is said, and clients send it
// with everything: it asks for nothing.
void read_effort(FieldReader& output, inference::ChatPrompt& prompt, ThinkingWish& thinking,
                 std::vector<std::string>& ignored) {
  const auto word = output.text("effort");
  if (!word) return;
  if (*word == "high") return ignored.push_back(std::string(kEffortField));
  if (std::ranges::find(kEfforts, *word) == std::end(kEfforts)) {
    return output.fail("effort", "must be low, medium, high, xhigh or max; it is " + quoted(*word));
  }
  const auto effort = api::read_effort(output, "effort");
  if (!effort) return;
  if (const char* fault = against_effort(prompt)) return output.fail("effort", fault);
  thinking.has_effort = true;
  prompt.enable_thinking = true;
  prompt.thinking_budget = effort->budget_tokens;
}

// `output_format` is the older place of the same.
void read_output(FieldReader& reader, GenerateCall& call, inference::ChatPrompt& prompt, ThinkingWish& thinking) {
  if (reader.find("output_format")) read_format(reader, "output_format", call);
  const json::object* object = reader.object("output_config");
  if (!object) return;
  FieldReader inner(*object, "output_config", kOutputRules, &call.ignored);
  read_format(inner, "format", call);
  read_effort(inner, prompt, thinking, call.ignored);
  if (!inner.ok()) reader.fail(inner.status().error());
}

Result<MessagesCall> read_call(const json::object& body) {
  MessagesCall call;
  GenerateCall& generate = call.generate;
  FieldReader reader(body, "", kMessagesRules, &generate.ignored);
  read_model(reader, "GET /v1/models", generate.model);
  generate.stream = reader.flag("stream").value_or(false);
  if (auto limit = reader.integer("max_tokens", 1, kMaxTokensLimit)) {
    generate.max_tokens = static_cast<int>(*limit);
  } else {
    reader.fail("max_tokens", "is missing: the most tokens that the answer may have");
  }
  read_sampling(reader, {}, generate);
  if (reader.list("stop_sequences")) read_stop(reader, "stop_sequences", StopKinds::kTexts, generate);
  read_messages(reader, call.prompt, &generate.ignored);
  call.thinking = read_thinking(reader, call.prompt, &generate.ignored);
  read_tool_set(reader, call.prompt, &generate.ignored);
  read_last_mark(reader, call.prompt, &generate.ignored);
  read_output(reader, generate, call.prompt, call.thinking);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

}  // namespace

Result<MessagesCall> parse_messages(std::string_view body) {
  return parse_degradable(body, read_call);
}

Result<CountCall> parse_count(std::string_view body) {
  STUDIO_TRY(json::value value, parse_body(body, kMaxCallBytes));
  CountCall call;
  FieldReader reader(value.get_object(), "", kCountRules, &call.ignored);
  read_model(reader, "GET /v1/models", call.model);
  read_messages(reader, call.prompt, &call.ignored);
  call.thinking = read_thinking(reader, call.prompt, &call.ignored);
  read_tool_set(reader, call.prompt, &call.ignored);
  read_last_mark(reader, call.prompt, &call.ignored);
  GenerateCall format;  // it takes no tokens of the prompt
  read_output(reader, format, call.prompt, call.thinking);
  call.ignored.insert(call.ignored.end(), format.ignored.begin(), format.ignored.end());
  STUDIO_CHECK_OK(reader.status());
  return call;
}

std::vector<EndpointFields> field_tables() {
  const auto with_objects = [](std::span<const FieldRule> body) {
    std::vector<FieldTable> tables{{"", "", body},
                                   {"system[]", "text", kTextRules},
                                   {"messages[]", "", kMessageRules},
                                   {"messages[].content[]", "text", kTextRules},
                                   {"messages[].content[]", "thinking", kThinkingBlockRules, "assistant"},
                                   {"messages[].content[]", "tool_use", kToolUseRules, "assistant"},
                                   {"messages[].content[]", "tool_result", kToolResultRules, "user"},
                                   {"messages[].content[].content[]", "text", kTextRules},
                                   {"thinking", "", kThinkingRules},
                                   {"tools[]", "custom", kToolRules},
                                   {"tool_choice", "", kChoiceRules},
                                   {"output_config", "", kOutputRules},
                                   {"output_config.format", "", kFormatRules},
                                   {"output_format", "", kFormatRules}};
    for (const char* path : {"", "system[]", "messages[].content[]", "messages[].content[].content[]", "tools[]"}) {
      add_cache_table(path, tables);
    }
    return tables;
  };
  std::vector<FieldTable> count = with_objects(kCountRules);
  std::erase_if(count, [](const FieldTable& table) { return table.path == "output_format"; });
  return {{"anthropic", "POST /v1/messages", with_objects(kMessagesRules)},
          {"anthropic", "POST /v1/messages/count_tokens", std::move(count)}};
}

}  // namespace studio::api::anthropic
