#include "api/anthropic/parse.h"

#include <boost/json.hpp>

namespace studio::api::anthropic {
namespace {

namespace json = boost::json;

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
    {"cache_control", FieldUse::kNoEffect, "an object"},
    {"tools", FieldUse::kNotBuilt, "[]"},
    {"tool_choice", FieldUse::kNotBuilt, R"({"type":"auto"} {"type":"none"})"},
    {"output_config", FieldUse::kNotBuilt, "{}"},
    {"output_format", FieldUse::kNotBuilt},
    {"reasoning_effort", FieldUse::kNotBuilt},
    {"mcp_servers", FieldUse::kNotBuilt, "[]"},
    {"container", FieldUse::kNotBuilt},
    {"context_management", FieldUse::kNotBuilt, R"({} {"edits":[]})"},
    {"inference_geo", FieldUse::kNotBuilt},
    {"speed", FieldUse::kNotBuilt, "\"standard\""},
    {"allow_degraded", FieldUse::kNotBuilt, "false"},
};

constexpr FieldRule kCountRules[] = {
    {"model"},
    {"messages"},
    {"system"},
    {"thinking"},
    {"cache_control", FieldUse::kNoEffect, "an object"},
    {"tools", FieldUse::kNotBuilt, "[]"},
    {"tool_choice", FieldUse::kNotBuilt, R"({"type":"auto"} {"type":"none"})"},
    {"output_config", FieldUse::kNotBuilt, "{}"},
    {"mcp_servers", FieldUse::kNotBuilt, "[]"},
    {"context_management", FieldUse::kNotBuilt, R"({} {"edits":[]})"},
};

constexpr FieldRule kMessageRules[] = {{"role"}, {"content"}};

// Of blocks of text, and of thinking.
constexpr FieldRule kTextRules[] = {
    {"type"},
    {"text"},
    {"cache_control", FieldUse::kNoEffect, "an object"},
    {"citations", FieldUse::kNotBuilt, "[]"},
};
constexpr FieldRule kThinkingBlockRules[] = {
    {"type"},
    {"thinking"},
    {"signature", FieldUse::kNoEffect, "a text"},
    {"cache_control", FieldUse::kNoEffect, "an object"},
};
constexpr FieldRule kThinkingRules[] = {
    {"type"}, {"budget_tokens"}, {"display", FieldUse::kNotBuilt, "\"summarized\""}};

// A list of blocks into a message: text into its content, thinking into its reasoning. Only the assistant thinks.
class BlockReader {
 public:
  BlockReader(FieldReader& reader, std::string_view field, bool may_think, std::vector<std::string>* ignored)
      : reader_(reader), field_(field), may_think_(may_think), ignored_(ignored) {}

  void read(const json::array& blocks, inference::Message& message) {
    if (blocks.size() > kMaxContentParts) {
      return reader_.fail(field_, "may hold " + std::to_string(kMaxContentParts) + " blocks; it holds " +
                                      std::to_string(blocks.size()));
    }
    for (size_t i = 0; i < blocks.size() && reader_.ok(); ++i) {
      read_block(std::string(field_) + "[" + std::to_string(i) + "]", blocks[i], message);
    }
  }

 private:
  void read_block(const std::string& place, const json::value& value, inference::Message& message) {
    const json::object* block = value.if_object();
    if (!block) return reader_.fail(place, "must be an object; it is " + std::string(json_kind(value)));
    const json::value* type = block->if_contains("type");
    if (!type || !type->is_string()) return reader_.fail(place + ".type", R"(is missing; for a text it is "text")");
    if (type->get_string() == "text") {
      take(place, *block, kTextRules, "text", message.content);
    } else if (type->get_string() == "thinking" && may_think_) {
      take(place, *block, kThinkingBlockRules, "thinking", message.reasoning_content);
    } else {
      reader_.fail(place + ".type",
                   std::string(may_think_ ? R"(must be "text" or "thinking")" : R"(must be "text")") +
                       ": this version reads no others here, not " + quoted(type->get_string()),
                   Code::kUnimplemented);
    }
  }

  void take(const std::string& place, const json::object& block, std::span<const FieldRule> rules,
            std::string_view name, std::string& into) {
    FieldReader inner(block, reader_.path_of(place), rules, ignored_);
    auto text = inner.text(name);
    if (inner.ok() && !text) inner.fail(name, "is missing");
    if (!inner.ok()) return reader_.fail(inner.status().error());
    into += *text;
  }

  FieldReader& reader_;
  const std::string_view field_;
  const bool may_think_;
  std::vector<std::string>* const ignored_;
};

inference::Message read_message(FieldReader& reader, std::vector<std::string>* ignored) {
  inference::Message message;
  auto role = reader.text("role");
  if (!role) {
    reader.fail("role", "is missing; it is user or assistant");
  } else if (*role == "system") {
    reader.fail("role", "must be user or assistant; a system message is the field `system` of the request");
  } else if (*role != "user" && *role != "assistant") {
    reader.fail("role", "must be user or assistant; it is " + quoted(*role));
  } else {
    message.role = *role;
  }
  const json::value* content = reader.find("content");
  if (!content) {
    reader.fail("content", "is missing: a text or a list of blocks");
  } else if (content->is_string()) {
    message.content = content->get_string();
  } else if (content->is_array()) {
    BlockReader(reader, "content", message.role == "assistant", ignored).read(content->get_array(), message);
  } else {
    reader.fail("content", "must be a text or a list of blocks; it is " + std::string(json_kind(*content)));
  }
  return message;
}

void read_system(FieldReader& reader, inference::ChatPrompt& prompt, std::vector<std::string>* ignored) {
  const json::value* value = reader.find("system");
  if (!value) return;
  inference::Message message{.role = "system", .content = {}, .reasoning_content = {}};
  if (value->is_string()) {
    message.content = value->get_string();
  } else if (value->is_array()) {
    BlockReader(reader, "system", false, ignored).read(value->get_array(), message);
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
               [&](const json::object& object, const std::string& place, size_t) {
                 FieldReader inner(object, place, kMessageRules, ignored);
                 prompt.messages.push_back(read_message(inner, ignored));
                 if (!inner.ok()) reader.fail(inner.status().error());
               });
  if (!reader.ok()) return;
  const inference::Message& last = prompt.messages.back();
  prompt.is_partial = last.role == "assistant";
  if (!prompt.is_partial) return;
  const std::string place = "messages[" + std::to_string(messages->size() - 1) + "].content";
  if (last.content.empty())
    reader.fail(place, "must not be empty in a last message of the assistant, which is continued");
  if (!last.reasoning_content.empty()) reader.fail(place, "must hold no thinking in a last message of the assistant");
}

void read_thinking(FieldReader& reader, inference::ChatPrompt& prompt) {
  const json::object* thinking = reader.object("thinking");
  if (!thinking) return;
  FieldReader inner(*thinking, "thinking", kThinkingRules, nullptr);
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
  if (!inner.ok()) reader.fail(inner.status().error());
}

}  // namespace

Result<MessagesCall> parse_messages(std::string_view body) {
  STUDIO_TRY(json::value value, parse_body(body, kMaxCallBytes));
  MessagesCall call;
  GenerateCall& generate = call.generate;
  FieldReader reader(value.get_object(), "", kMessagesRules, &generate.ignored);
  read_model(reader, "GET /v1/models", generate.model);
  generate.stream = reader.flag("stream").value_or(false);
  if (auto limit = reader.integer("max_tokens", 1, kMaxTokensLimit)) {
    generate.max_tokens = static_cast<int>(*limit);
  } else {
    reader.fail("max_tokens", "is missing: the most tokens that the answer may have");
  }
  read_sampling(reader, {}, generate.sampling);
  if (reader.list("stop_sequences")) read_stop(reader, "stop_sequences", StopKinds::kTexts, generate);
  read_messages(reader, call.prompt, &generate.ignored);
  read_thinking(reader, call.prompt);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

Result<CountCall> parse_count(std::string_view body) {
  STUDIO_TRY(json::value value, parse_body(body, kMaxCallBytes));
  CountCall call;
  FieldReader reader(value.get_object(), "", kCountRules, nullptr);
  read_model(reader, "GET /v1/models", call.model);
  read_messages(reader, call.prompt, nullptr);
  read_thinking(reader, call.prompt);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

}  // namespace studio::api::anthropic
