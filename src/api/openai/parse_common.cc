#include "api/openai/parse_common.h"

#include <charconv>

#include "api/serving/cache_marks.h"
#include "api/serving/structure.h"

namespace studio::api::openai {
namespace {

constexpr FieldRule kStreamOptionRules[] = {
    {"include_usage"},
    {"include_obfuscation", FieldUse::kNotBuilt, "false"},
    {"continuous_usage_stats", FieldUse::kNotBuilt, "false"},
};

void read_stream(FieldReader& reader, GenerateCall& call) {
  call.stream = reader.flag("stream").value_or(false);
  const boost::json::object* options = reader.object("stream_options");
  if (!options) return;
  FieldReader inner(*options, "stream_options", kStreamOptionRules, &call.ignored);
  call.include_usage = inner.flag("include_usage").value_or(false);
  if (!inner.ok()) return reader.fail(inner.status().error());
  if (!call.stream) reader.fail("stream_options", "is only allowed with stream: true");
}

void read_logit_bias(FieldReader& reader, engine::SamplingParams& sampling) {
  const boost::json::object* bias = reader.object("logit_bias");
  if (!bias) return;
  if (bias->size() > static_cast<size_t>(engine::kMaxLogitBias)) {
    return reader.fail("logit_bias", "may hold " + std::to_string(engine::kMaxLogitBias) + " entries; it holds " +
                                         std::to_string(bias->size()));
  }
  for (const auto& entry : *bias) {
    std::string_view key = entry.key();
    std::string place = "logit_bias." + excerpt(key);
    engine::TokenId id = -1;
    auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    bool is_padded = key.size() > 1 && key.front() == '0';  // a second spelling of the same id
    if (error != std::errc() || end != key.data() + key.size() || id < 0 || is_padded) {
      return reader.fail(place, "must have a token id as its name");
    }
    if (!entry.value().is_number()) {
      return reader.fail(place, "must be a number; it is " + std::string(json_kind(entry.value())));
    }
    auto value = entry.value().to_number<double>();
    if (!(value >= -100 && value <= 100)) return reader.fail(place, "must be from -100 to 100", Code::kOutOfRange);
    sampling.logit_bias.emplace_back(id, static_cast<float>(value));
  }
}

constexpr FieldRule kMessageRules[] = {
    {"role", FieldUse::kHonoured, R"("system" "developer" "user" "assistant" "tool")"},
    {"content"},
    {"reasoning_content"},
    {"partial"},
    {"name", FieldUse::kNoEffect, "a text"},
    {"refusal", FieldUse::kNoEffect, "a text"},
    {"annotations", FieldUse::kNoEffect, "a list"},
    {"audio", FieldUse::kNotBuilt, "", kTextAlone},
    {"tool_calls"},
    {"tool_call_id"},
    {"id"},
    {"extra", FieldUse::kNoEffect, "an object"},  // what Qwen-Agent notes of a call for itself
    {"function_call", FieldUse::kNotBuilt},
};

constexpr FieldRule kPartRules[] = {
    {"type", FieldUse::kHonoured, R"("text")"},
    {"text"},
    {"cache_control"},
    {"prompt_cache_breakpoint", FieldUse::kNoEffect, "an object"},
};

// The one text of a list of parts; `message` is the place of theirs, for marks.
std::string read_parts(FieldReader& reader, const boost::json::array& parts, size_t message,
                       std::vector<inference::CacheMark>& marks, std::vector<std::string>* ignored) {
  std::string all;
  if (parts.size() > kMaxContentParts) {
    reader.fail("content",
                "may hold " + std::to_string(kMaxContentParts) + " parts; it holds " + std::to_string(parts.size()));
    return all;
  }
  for (size_t i = 0; i < parts.size() && reader.ok(); ++i) {
    std::string place = "content[" + std::to_string(i) + "]";
    const boost::json::object* part = parts[i].if_object();
    if (!part) {
      reader.fail(place, "must be an object; it is " + std::string(json_kind(parts[i])));
      break;
    }
    const boost::json::value* type = part->if_contains("type");
    if (type && type->is_string() && type->get_string() != "text") {
      reader.fail(place + ".type", "must be \"text\": this version reads text alone, not " + quoted(type->get_string()),
                  Code::kUnimplemented);
      break;
    }
    FieldReader inner(*part, reader.path_of(place), kPartRules, ignored);
    auto kind = inner.text("type");
    auto text = inner.text("text");
    if (inner.ok() && !kind) inner.fail("type", "is missing; for a text it is \"text\"");
    if (inner.ok() && !text) inner.fail("text", "is missing");
    if (inner.ok()) all += *text;
    if (has_cache_mark(inner, ignored)) add_cache_mark(inner, {message, all.size()}, marks);
    if (!inner.ok()) {
      reader.fail(inner.status().error());
      break;
    }
  }
  return all;
}

inference::Message read_message(FieldReader& reader, inference::ChatPrompt& prompt, bool* is_partial,
                                std::vector<std::string>* ignored) {
  inference::Message message;
  auto role = reader.text("role");
  if (!role) {
    reader.fail("role", "is missing; it is system, user, assistant or tool");
  } else if (*role != "system" && *role != "developer" && *role != "user" && *role != "assistant" && *role != "tool") {
    reader.fail("role", "must be system, developer, user, assistant or tool; it is " + quoted(*role));
  } else {
    message.role = *role == "developer" ? "system" : *role;  // OpenAI's newer name of the same thing
  }
  const boost::json::value* content = reader.find("content");
  if (content && content->is_string()) {
    message.content = content->get_string();
  } else if (content && content->is_array()) {
    message.content = read_parts(reader, content->get_array(), prompt.messages.size(), prompt.cache_marks, ignored);
  } else if (content) {
    reader.fail("content", "must be a text or a list of parts; it is " + std::string(json_kind(*content)));
  } else if (message.role != "assistant") {
    reader.fail("content", "is missing");
  }
  message.reasoning_content = reader.text("reasoning_content").value_or("");
  if (!message.reasoning_content.empty() && message.role != "assistant") {
    reader.fail("reasoning_content", "is only allowed on a message of the assistant");
  }
  read_tool_calls(reader, message, ignored);
  read_tool_call_id(reader, message);
  *is_partial = reader.flag("partial").value_or(false);
  if (*is_partial && message.role != "assistant")
    reader.fail("partial", "is only allowed on a message of the assistant");
  if (*is_partial && message.content.empty()) reader.fail("content", "must not be empty in a partial message");
  return message;
}

}  // namespace

void read_generate(FieldReader& reader, GenerateCall& call, int64_t least_tokens) {
  read_model(reader, kListedAt, call.model);
  read_stream(reader, call);
  read_sampling(reader, {.least_top_k = -1}, call);
  read_logit_bias(reader, call.sampling);
  read_stop(reader, "stop", StopKinds::kTextsOrIds, call);
  call.n = static_cast<int>(reader.integer("n", 1, inference::kMaxChoices).value_or(1));
  if (auto limit = reader.integer("max_tokens", least_tokens, kMaxTokensLimit)) {
    call.max_tokens = static_cast<int>(*limit);
  }
  call.ignore_eos = reader.flag("ignore_eos").value_or(false);
}

void read_messages(FieldReader& reader, inference::ChatPrompt& prompt, std::vector<std::string>* ignored) {
  const boost::json::array* messages = reader.list("messages");
  if (!messages) return reader.fail("messages", "is missing: a list of messages");
  if (messages->empty()) return reader.fail("messages", "must hold at least one message");
  read_objects(reader, "messages", *messages, kMaxMessages, "an object with role and content",
               [&](const boost::json::object& object, const std::string& place, size_t i) {
                 FieldReader inner(object, place, kMessageRules, ignored);
                 bool is_partial = false;
                 prompt.messages.push_back(read_message(inner, prompt, &is_partial, ignored));
                 if (is_partial && i + 1 < messages->size()) {
                   inner.fail("partial", "is only allowed on the last message");
                 }
                 prompt.is_partial = is_partial;
                 if (!inner.ok()) reader.fail(inner.status().error());
               });
  if (reader.ok()) check_tool_messages(reader, prompt);
}

void add_common_tables(std::vector<FieldTable>& tables) {
  tables.push_back({"stream_options", "", kStreamOptionRules});
}

void add_message_tables(std::vector<FieldTable>& tables) {
  tables.push_back({"messages[]", "", kMessageRules});
  tables.push_back({"messages[].content[]", "text", kPartRules});
  add_cache_table("messages[].content[]", tables);
  add_call_tables("messages", tables);
}

}  // namespace studio::api::openai
