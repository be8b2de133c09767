#include "api/ollama/parse.h"

#include <boost/json.hpp>

#include "api/serving/degraded.h"
#include "api/serving/structure.h"
#include "base/json.h"

namespace studio::api::ollama {
namespace {

namespace json = boost::json;

constexpr const char* kListedAt = "GET /api/tags";

// Fields of POST /api/chat and /api/generate both; see the README for what each means.
constexpr FieldRule kGenerateRules[] = {
    {"model"},
    {"stream"},
    {"options"},
    {"think", FieldUse::kHonoured, "true false"},
    {"logprobs"},
    {"top_logprobs"},
    {"keep_alive", FieldUse::kNoEffect},
    {"format"},
    {"truncate", FieldUse::kNotBuilt, "false", "a prompt that is too long is an error, and never cut"},
    {"shift", FieldUse::kNotBuilt, "false", "what was said before is never dropped"},
    {"allow_degraded"},
};
constexpr FieldRule kChatOwnRules[] = {
    {"messages"},
    {"tools"},
};
constexpr FieldRule kCompletionOwnRules[] = {
    {"prompt"},
    {"suffix"},
    {"system"},
    {"raw"},
    {"images", FieldUse::kNotBuilt, "[]", kTextAlone},
    {"width", FieldUse::kNotBuilt, "", kTextAlone},  // of an image to be drawn, as the next two
    {"height", FieldUse::kNotBuilt, "", kTextAlone},
    {"steps", FieldUse::kNotBuilt, "", kTextAlone},
    {"template", FieldUse::kNotBuilt, R"("")"},
    {"context", FieldUse::kNotBuilt, "[]"},
};
constexpr auto kChatRules = join(kGenerateRules, kChatOwnRules);
constexpr auto kCompletionRules = join(kGenerateRules, kCompletionOwnRules);

constexpr FieldRule kOptionRules[] = {
    {"temperature"},
    {"top_p"},
    {"top_k"},
    {"min_p"},
    {"seed"},
    {"num_predict"},
    {"num_ctx"},
    {"stop"},
    {"presence_penalty"},
    {"frequency_penalty"},
    {"repeat_penalty"},
    {"allow_degraded"},  // here too: where its clients let one put what they do not know
    // How the machine is used, which is its owner's to say.
    {"num_batch", FieldUse::kNoEffect, "a number"},
    {"num_gpu", FieldUse::kNoEffect, "a number"},
    {"main_gpu", FieldUse::kNoEffect, "a number"},
    {"num_thread", FieldUse::kNoEffect, "a number"},
    {"numa", FieldUse::kNoEffect, "true or false"},
    {"low_vram", FieldUse::kNoEffect, "true or false"},
    {"use_mmap", FieldUse::kNoEffect, "true or false"},
    {"use_mlock", FieldUse::kNoEffect, "true or false"},
    // What would change the answer.
    {"num_keep", FieldUse::kNotBuilt, "0 -1"},
    {"repeat_last_n", FieldUse::kNotBuilt, "-1"},
    {"typical_p", FieldUse::kNotBuilt, "1 1.0", kNoSuchSampler},
    {"tfs_z", FieldUse::kNotBuilt, "1 1.0", kNoSuchSampler},
    {"mirostat", FieldUse::kNotBuilt, "0", kNoSuchSampler},
    {"mirostat_tau", FieldUse::kNotBuilt, "", kNoSuchSampler},
    {"mirostat_eta", FieldUse::kNotBuilt, "", kNoSuchSampler},
    {"penalize_newline", FieldUse::kNotBuilt, "true"},
    {"logits_all", FieldUse::kNotBuilt, "false"},
    {"embedding_only", FieldUse::kNotBuilt, "false"},
    {"vocab_only", FieldUse::kNotBuilt, "false"},
    {"f16_kv", FieldUse::kNotBuilt},
};

constexpr FieldRule kMessageRules[] = {
    {"role", FieldUse::kHonoured, R"("system" "user" "assistant" "tool")"},
    {"content"},
    {"thinking"},
    {"images", FieldUse::kNotBuilt, "[]", kTextAlone},
    {"tool_calls"},
    {"tool_name", FieldUse::kNoEffect, "a text"},  // a result follows its call; templates have no place for these
    {"tool_call_id", FieldUse::kNoEffect, "a text"},
};

constexpr FieldRule kShowRules[] = {
    {"model"},
    {"name"},  // its older spelling
    {"verbose", FieldUse::kNotBuilt, "false"},
    {"system", FieldUse::kNotBuilt, R"("")"},
    {"template", FieldUse::kNotBuilt, R"("")"},
    {"options", FieldUse::kNotBuilt, "{}"},
};

void read_options(FieldReader& reader, GenerateCall& call) {
  static const json::object kNone;
  const json::object* object = reader.object("options");
  FieldReader options(object ? *object : kNone, "options", kOptionRules, &call.ignored);
  read_sampling(options, {.repetition_penalty = "repeat_penalty"}, call);
  read_stop(options, "stop", StopKinds::kTexts, call);
  // -1: until the model ends, -2: until the context is full, which ends the first too.
  if (auto limit = options.integer("num_predict", -2, kMaxTokensLimit)) {
    if (*limit == 0) options.fail("num_predict", "must be at least 1, or -1 for no limit");
    if (*limit > 0) call.max_completion_tokens = static_cast<int>(*limit);
    call.fills_context = *limit < 0;
  }
  if (auto context = options.integer("num_ctx", 1, kMaxTokensLimit)) call.num_ctx = static_cast<int>(*context);
  if (!options.ok()) reader.fail(options.status().error());
}

std::optional<bool> read_think(FieldReader& reader) {
  const json::value* think = reader.find("think");
  if (!think) return std::nullopt;
  if (think->is_bool()) return think->get_bool();
  if (think->is_string()) {
    reader.fail("think",
                "must be true or false: this version has no levels of thinking, such as " + quoted(think->get_string()),
                Code::kUnimplemented);
  } else {
    reader.fail("think", "must be true or false; it is " + std::string(json_kind(*think)));
  }
  return std::nullopt;
}

// "json" for any object, or a schema.
void read_format(FieldReader& reader, GenerateCall& call) {
  const json::value* format = reader.find("format");
  if (!format) return;
  if (!format->is_string()) return hold_to_schema(reader, "format", *format, call);
  if (format->get_string() == "json") return hold_to_json("format", call);
  if (!format->get_string().empty()) {
    reader.fail("format", "must be \"json\" or a JSON Schema; it is " + quoted(format->get_string()));
  }
}

void read_generate(FieldReader& reader, GenerateCall& call) {
  read_model(reader, kListedAt, call.model);
  call.stream = reader.flag("stream").value_or(true);
  read_logprobs(reader, call.sampling);
  read_options(reader, call);
  read_format(reader, call);
}

constexpr FieldRule kCallRules[] = {
    {"id", FieldUse::kNoEffect, "a text"}, {"type", FieldUse::kHonoured, R"("function")"}, {"function"}};
constexpr FieldRule kCalledRules[] = {{"name"}, {"arguments"}, {"index", FieldUse::kNoEffect, "a number"}};

// Arguments are an object here, where others have a text.
void read_calls(FieldReader& message, inference::Message& into, std::vector<std::string>* ignored) {
  const json::array* calls = message.list("tool_calls");
  if (!calls) return;
  if (!calls->empty() && into.role != "assistant") {
    return message.fail("tool_calls", "is only allowed on a message of the assistant");
  }
  read_objects(message, "tool_calls", *calls, kMaxToolCallsOfMessage, "an object with a function",
               [&](const json::object& object, const std::string& place, size_t) {
                 if (!has_type(message, place, object, "function")) return;
                 FieldReader call(object, message.path_of(place), kCallRules, ignored);
                 inference::ToolCall made{.id = call.text("id").value_or(""), .name = {}, .arguments = "{}"};
                 call.text("type");
                 const json::object* function = call.object("function");
                 if (call.ok() && !function) call.fail("function", "is missing: an object with name and arguments");
                 if (!call.ok()) return message.fail(call.status().error());
                 FieldReader inner(*function, call.path_of("function"), kCalledRules, ignored);
                 made.name = inner.text("name").value_or("");
                 if (inner.ok() && made.name.empty()) inner.fail("name", "is missing");
                 if (const json::object* arguments = inner.object("arguments")) made.arguments = to_json(*arguments);
                 if (!inner.ok()) return message.fail(inner.status().error());
                 into.tool_calls.push_back(std::move(made));
               });
}

inference::Message read_message(FieldReader& reader, std::vector<std::string>* ignored) {
  inference::Message message;
  auto role = reader.text("role");
  if (!role) {
    reader.fail("role", "is missing; it is system, user, assistant or tool");
  } else if (*role != "system" && *role != "user" && *role != "assistant" && *role != "tool") {
    reader.fail("role", "must be system, user, assistant or tool; it is " + quoted(*role));
  } else {
    message.role = *role;
  }
  message.content = reader.text("content").value_or("");
  message.reasoning_content = reader.text("thinking").value_or("");
  if (!message.reasoning_content.empty() && message.role != "assistant") {
    reader.fail("thinking", "is only allowed on a message of the assistant");
  }
  read_calls(reader, message, ignored);
  message.tool_call_id = reader.text("tool_call_id").value_or("");
  const auto tool = reader.text("tool_name");
  if (message.role != "tool" && tool && !tool->empty()) {
    reader.fail("tool_name", "is only allowed on a message of the role tool");
  }
  if (message.role != "tool" && !message.tool_call_id.empty()) {
    reader.fail("tool_call_id", "is only allowed on a message of the role tool");
  }
  return message;
}

void read_messages(FieldReader& reader, inference::ChatPrompt& prompt, std::vector<std::string>* ignored) {
  const json::array* messages = reader.list("messages");
  if (!messages) return;
  read_objects(reader, "messages", *messages, kMaxMessages, "an object with role and content",
               [&](const json::object& object, const std::string& place, size_t) {
                 FieldReader inner(object, place, kMessageRules, ignored);
                 prompt.messages.push_back(read_message(inner, ignored));
                 if (!inner.ok()) reader.fail(inner.status().error());
               });
  if (!reader.ok() || prompt.messages.empty()) return;
  // As the original has it: a last message of the assistant is the beginning of the answer.
  const inference::Message& last = prompt.messages.back();
  prompt.is_partial = last.role == "assistant" && !last.content.empty();
  if (prompt.is_partial && prompt.enable_thinking == true) {
    reader.fail("think", "must be false where the last message is the assistant's");
  }
}

// A prompt as it is has no template, which is what would hold any of these.
void check_raw(FieldReader& reader, const CompletionCall& call) {
  if (!call.is_raw && !call.suffix) return;
  const char* reason = call.is_raw ? "is not allowed with raw: true" : "is not allowed with a suffix";
  if (call.system) reader.fail("system", reason);
  if (call.is_raw && !call.generate.constraint.empty()) reader.fail("format", reason);
  if (call.enable_thinking == true) reader.fail("think", reason);
  if (call.is_raw && call.suffix) reader.fail("suffix", reason);
}

Result<ChatCall> read_chat(const json::object& body) {
  ChatCall call;
  FieldReader reader(body, "", kChatRules, &call.generate.ignored);
  read_generate(reader, call.generate);
  call.prompt.enable_thinking = read_think(reader);
  read_messages(reader, call.prompt, &call.generate.ignored);
  read_tools(reader, call.prompt.tools, &call.generate.ignored);
  call.prompt.tools.choice.is_parallel = true;
  STUDIO_CHECK_OK(reader.status());
  return call;
}

Result<CompletionCall> read_completion(const json::object& body) {
  CompletionCall call;
  FieldReader reader(body, "", kCompletionRules, &call.generate.ignored);
  read_generate(reader, call.generate);
  call.prompt = reader.text("prompt").value_or("");
  call.is_raw = reader.flag("raw").value_or(false);
  call.system = reader.text("system");
  if (call.system && call.system->empty()) call.system.reset();  // some clients send all they have
  call.suffix = reader.text("suffix");
  if (call.suffix && call.suffix->empty()) call.suffix.reset();
  call.enable_thinking = read_think(reader);
  check_raw(reader, call);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

}  // namespace

Result<ChatCall> parse_chat(std::string_view body) {
  return parse_degradable(body, read_chat, "options");
}

Result<CompletionCall> parse_completion(std::string_view body) {
  return parse_degradable(body, read_completion, "options");
}

Result<std::string> parse_show(std::string_view body) {
  STUDIO_TRY(json::value value, parse_body(body, kMaxCallBytes));
  std::string model;
  FieldReader reader(value.get_object(), "", kShowRules, nullptr);
  if (auto name = reader.text("name"); name && !reader.find("model")) {
    model = std::move(*name);
    if (model.empty() || model.size() > kMaxModelNameBytes) reader.fail("name", "must be a model's name");
  } else {
    read_model(reader, kListedAt, model);
  }
  STUDIO_CHECK_OK(reader.status());
  return model;
}

std::vector<EndpointFields> field_tables() {
  std::vector<FieldTable> chat = {{"", "", kChatRules},
                                  {"options", "", kOptionRules},
                                  {"messages[]", "", kMessageRules},
                                  {"messages[].tool_calls[]", "function", kCallRules},
                                  {"messages[].tool_calls[].function", "", kCalledRules}};
  add_tool_tables("", chat);
  std::erase_if(chat, [](const FieldTable& table) { return table.path.starts_with("tool_choice"); });
  return {{"ollama", "POST /api/chat", std::move(chat)},
          {"ollama", "POST /api/generate", {{"", "", kCompletionRules}, {"options", "", kOptionRules}}},
          {"ollama", "POST /api/show", {{"", "", kShowRules}}}};
}

}  // namespace studio::api::ollama
