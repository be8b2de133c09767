#include "api/dashscope/parse.h"

#include <boost/json.hpp>

#include "api/serving/cache_marks.h"
#include "api/serving/degraded.h"
#include "api/serving/effort.h"
#include "api/serving/structure.h"

namespace studio::api::dashscope {
namespace {

namespace json = boost::json;

constexpr const char* kListedAt = "GET /v1/models";

constexpr FieldRule kFrameRules[] = {
    {"model"},
    {"input"},
    {"parameters"},
    {"task", FieldUse::kNoEffect, "a text"},  // what older SDKs repeat of the path, as the next three
    {"task_group", FieldUse::kNoEffect, "a text"},
    {"function", FieldUse::kNoEffect, "a text"},
    {"resources", FieldUse::kNotBuilt, "{} []"},
    {"allow_degraded"},
};

constexpr FieldRule kTokenizerRules[] = {
    {"model"},
    {"input"},
    {"task", FieldUse::kNoEffect, "a text"},
    {"task_group", FieldUse::kNoEffect, "a text"},
    {"function", FieldUse::kNoEffect, "a text"},
    {"parameters", FieldUse::kNotBuilt, "{}", "the tokenizer has none"},
};

constexpr FieldRule kInputRules[] = {
    {"messages"},
    {"prompt"},
    {"history"},
    {"customized_model_id", FieldUse::kNotBuilt, "", "name the model in `model`"},
    {"image_list", FieldUse::kNotBuilt, "[]", kTextAlone},
    {"file_list", FieldUse::kNotBuilt, "[]", kTextAlone},
    {"text", FieldUse::kNotBuilt, "", kTextAlone},  // to be spoken, as the next two
    {"voice", FieldUse::kNotBuilt, "", kTextAlone},
    {"language_type", FieldUse::kNotBuilt, "", kTextAlone},
};

// One line per parameter of the generation endpoints; see the README for what each means.
constexpr FieldRule kParameterRules[] = {
    {"result_format"},
    {"incremental_output"},
    {"temperature"},
    {"top_p"},
    {"top_k"},
    {"min_p"},
    {"repetition_penalty"},
    {"presence_penalty"},
    {"frequency_penalty"},
    {"seed"},
    {"stop"},
    {"n"},
    {"max_tokens"},
    {"enable_thinking"},
    {"thinking_budget"},
    {"reasoning_effort"},
    {"logprobs"},
    {"top_logprobs"},
    {"allow_degraded"},                                // here too: where the SDK puts what it does not know
    {"stream", FieldUse::kNoEffect, "true or false"},  // a field of the head decides
    {"response_format"},
    {"tools"},
    {"tool_choice"},
    {"parallel_tool_calls"},
    {"tool_stream", FieldUse::kNotBuilt, "false"},
    {"enable_search", FieldUse::kNotBuilt, "false", kNoSearch},
    {"search_options", FieldUse::kNotBuilt, "{}", kNoSearch},
    {"enable_code_interpreter", FieldUse::kNotBuilt, "false"},
    {"preserve_thinking", FieldUse::kNotBuilt, "false"},
    {"clear_thinking", FieldUse::kNotBuilt},
    {"stream_options", FieldUse::kNotBuilt, "", "each event says its usage"},
    {"output_format", FieldUse::kNotBuilt},
    {"customized_model_id", FieldUse::kNotBuilt, "", "name the model in `model`"},
    {"translation_options", FieldUse::kNotBuilt},
    {"modalities", FieldUse::kNotBuilt, R"(["text"])", kTextAlone},
    {"audio", FieldUse::kNotBuilt, "", kTextAlone},
    {"vl_high_resolution_images", FieldUse::kNotBuilt, "false", kTextAlone},
    {"vl_enable_image_hw_output", FieldUse::kNotBuilt, "false", kTextAlone},
    {"ocr_options", FieldUse::kNotBuilt, "", kTextAlone},
    {"asr_options", FieldUse::kNotBuilt, "", kTextAlone},
};

constexpr FieldRule kMessageRules[] = {
    {"role", FieldUse::kHonoured, R"("system" "user" "assistant" "tool")"},
    {"content"},
    {"reasoning_content"},
    {"partial"},
    {"name", FieldUse::kNoEffect, "a text"},
    {"tool_calls"},
    {"tool_call_id"},
    {"id"},
    {"extra", FieldUse::kNoEffect, "an object"},  // what Qwen-Agent notes of a call for itself
};
constexpr FieldRule kPartRules[] = {
    {"image", FieldUse::kNotBuilt, "", kTextAlone},
    {"video", FieldUse::kNotBuilt, "", kTextAlone},
    {"audio", FieldUse::kNotBuilt, "", kTextAlone},
    {"file", FieldUse::kNotBuilt, "", kTextAlone},
    {"image_url", FieldUse::kNotBuilt, "", kTextAlone},
    {"video_url", FieldUse::kNotBuilt, "", kTextAlone},
    {"input_audio", FieldUse::kNotBuilt, "", kTextAlone},
    {"fps", FieldUse::kNotBuilt, "", kTextAlone},
    {"min_pixels", FieldUse::kNotBuilt, "", kTextAlone},
    {"max_pixels", FieldUse::kNotBuilt, "", kTextAlone},
    {"total_pixels", FieldUse::kNotBuilt, "", kTextAlone},
    {"text"},
    {"type", FieldUse::kHonoured, R"("text")"},
    {"cache_control"},
};
constexpr FieldRule kTurnRules[] = {{"user"}, {"bot"}};

// Parts are objects of one key.
void read_part(FieldReader& reader, const std::string& place, const json::value& value, std::string& into,
               inference::ChatPrompt& prompt, std::vector<std::string>* ignored) {
  const json::object* part = value.if_object();
  if (!part) return reader.fail(place, "must be an object; it is " + std::string(json_kind(value)));
  FieldReader inner(*part, reader.path_of(place), kPartRules, ignored);
  auto type = inner.text("type");
  if (type && *type != "text") inner.fail("type", "must be \"text\"; it is " + quoted(*type), Code::kUnimplemented);
  auto text = inner.text("text");
  if (inner.ok() && !text) inner.fail("text", "is missing");
  if (inner.ok()) into += *text;
  if (has_cache_mark(inner, ignored)) add_cache_mark(inner, {prompt.messages.size(), into.size()}, prompt.cache_marks);
  if (!inner.ok()) reader.fail(inner.status().error());
}

void read_content(FieldReader& reader, inference::Message& message, inference::ChatPrompt& prompt,
                  std::vector<std::string>* ignored) {
  const json::value* content = reader.find("content");
  if (!content) {
    if (message.role != "assistant") reader.fail("content", "is missing");
  } else if (content->is_string()) {
    message.content = content->get_string();
  } else if (content->is_array()) {
    const json::array& parts = content->get_array();
    if (parts.size() > kMaxContentParts) {
      return reader.fail("content", "may hold " + std::to_string(kMaxContentParts) + " parts; it holds " +
                                        std::to_string(parts.size()));
    }
    for (size_t i = 0; i < parts.size() && reader.ok(); ++i) {
      read_part(reader, "content[" + std::to_string(i) + "]", parts[i], message.content, prompt, ignored);
    }
  } else {
    reader.fail("content", "must be a text or a list of parts; it is " + std::string(json_kind(*content)));
  }
}

// The next of `prompt`, which takes its marks.
inference::Message read_message(FieldReader& reader, inference::ChatPrompt& prompt, bool* is_partial,
                                std::vector<std::string>* ignored) {
  inference::Message message;
  auto role = reader.text("role");
  if (!role) {
    reader.fail("role", "is missing; it is system, user, assistant or tool");
  } else if (*role != "system" && *role != "user" && *role != "assistant" && *role != "tool") {
    reader.fail("role", "must be system, user, assistant or tool; it is " + quoted(*role));
  } else {
    message.role = *role;
  }
  read_content(reader, message, prompt, ignored);
  message.reasoning_content = reader.text("reasoning_content").value_or("");
  if (!message.reasoning_content.empty() && message.role != "assistant") {
    reader.fail("reasoning_content", "is only allowed on a message of the assistant");
  }
  read_tool_calls(reader, message, ignored);
  read_tool_call_id(reader, message);
  *is_partial = reader.flag("partial").value_or(false);
  if (*is_partial && message.role != "assistant") {
    reader.fail("partial", "is only allowed on a message of the assistant");
  }
  if (*is_partial && message.content.empty()) reader.fail("content", "must not be empty in a partial message");
  return message;
}

void read_messages(FieldReader& input, const json::array& messages, inference::ChatPrompt& prompt,
                   std::vector<std::string>* ignored) {
  if (messages.empty()) return input.fail("messages", "must hold at least one message");
  read_objects(input, "messages", messages, kMaxMessages, "an object with role and content",
               [&](const json::object& object, const std::string& place, size_t i) {
                 FieldReader inner(object, input.path_of(place), kMessageRules, ignored);
                 bool is_partial = false;
                 prompt.messages.push_back(read_message(inner, prompt, &is_partial, ignored));
                 if (is_partial && i + 1 < messages.size())
                   inner.fail("partial", "is only allowed on the last message");
                 prompt.is_partial = is_partial;
                 if (!inner.ok()) input.fail(inner.status().error());
               });
  if (input.ok()) check_tool_messages(input, prompt);
}

// The older form: what was said before, in pairs, and a prompt.
void read_history(FieldReader& input, inference::ChatPrompt& prompt) {
  const json::array* turns = input.list("history");
  if (!turns) return;
  read_objects(
      input, "history", *turns, kMaxMessages, "an object with user and bot",
      [&](const json::object& turn, const std::string& place, size_t) {
        FieldReader inner(turn, input.path_of(place), kTurnRules, nullptr);
        auto add = [&](const char* role, std::string_view field) {
          prompt.messages.push_back({.role = role, .content = inner.text(field).value_or(""), .reasoning_content = {}});
        };
        add("user", "user");
        add("assistant", "bot");
        if (!inner.ok()) input.fail(inner.status().error());
      });
}

// `text` takes a prompt that stands alone, without a history, and is not to be made a conversation.
void read_input(FieldReader& reader, inference::ChatPrompt& prompt, std::optional<std::string>* text,
                std::vector<std::string>* ignored) {
  const json::object* object = reader.object("input");
  if (!object) return reader.fail("input", "is missing: an object with messages");
  FieldReader input(*object, "input", kInputRules, ignored);
  const json::array* messages = input.list("messages");
  auto plain = input.text("prompt");
  if (messages && plain) input.fail("prompt", "and messages exclude each other");
  if (messages && input.find("history")) input.fail("history", "and messages exclude each other");
  if (input.ok() && messages) {
    read_messages(input, *messages, prompt, ignored);
  } else if (input.ok() && plain && plain->empty()) {
    input.fail("prompt", "must not be empty");
  } else if (input.ok() && plain && text && !input.find("history")) {
    *text = std::move(plain);
  } else if (input.ok() && plain) {
    read_history(input, prompt);
    prompt.messages.push_back({.role = "user", .content = std::move(*plain), .reasoning_content = {}});
  } else if (input.ok()) {
    input.fail("messages", "is missing: a list of messages");
  }
  if (!input.ok()) reader.fail(input.status().error());
}

void read_thinking(FieldReader& parameters, GenerationCall& call) {
  inference::ChatPrompt& prompt = call.prompt;
  prompt.enable_thinking = parameters.flag("enable_thinking");
  if (auto budget = parameters.integer("thinking_budget", 1, kMaxTokensLimit)) {
    prompt.thinking_budget = static_cast<int>(*budget);
    if (prompt.enable_thinking == false) {
      parameters.fail("thinking_budget", "is only allowed with enable_thinking: true");
    }
  }
  add_effort(parameters, "reasoning_effort", prompt);
  call.has_effort = parameters.find("reasoning_effort") != nullptr;
  const bool wants = prompt.enable_thinking == true || prompt.thinking_budget;
  if (wants && prompt.is_partial) {
    parameters.fail("enable_thinking", "must be false where the last message is partial");
  }
  if (wants && call.result_format == ResultFormat::kText) {
    parameters.fail("result_format", "must be \"message\" with thinking");
  }
}

void read_parameters(FieldReader& reader, GenerationCall& call) {
  static const json::object kNone;
  const json::object* object = reader.object("parameters");
  FieldReader parameters(object ? *object : kNone, "parameters", kParameterRules, &call.generate.ignored);
  if (auto format = parameters.text("result_format")) {
    if (*format != "text" && *format != "message") {
      parameters.fail("result_format", "must be \"text\" or \"message\"; it is " + quoted(*format));
    }
    call.result_format = *format == "text" ? ResultFormat::kText : ResultFormat::kMessage;
  }
  call.is_incremental = parameters.flag("incremental_output").value_or(false);
  read_sampling(parameters, {.least_seed = 0}, call.generate);
  read_stop(parameters, "stop", StopKinds::kTextsOrIds, call.generate);
  call.generate.n = static_cast<int>(parameters.integer("n", 1, inference::kMaxChoices).value_or(1));
  if (call.generate.n > 1 && call.result_format == ResultFormat::kText) {
    parameters.fail("n", "must be 1 where result_format is \"text\"");
  }
  if (auto limit = parameters.integer("max_tokens", 1, kMaxTokensLimit)) {
    call.generate.max_tokens = static_cast<int>(*limit);
  }
  read_logprobs(parameters, call.generate.sampling);
  if (call.generate.sampling.logprobs && call.result_format == ResultFormat::kText) {
    parameters.fail("result_format", "must be \"message\" with logprobs");
  }
  read_thinking(parameters, call);
  read_response_format(parameters, call.generate);
  read_tools(parameters, call.prompt.tools, &call.generate.ignored);
  if (call.prompt.tools.is_used() && call.result_format == ResultFormat::kText) {
    parameters.fail("result_format", "must be \"message\" with tools");
  }
  if (!parameters.ok()) reader.fail(parameters.status().error());
}

Result<GenerationCall> read_generation(const json::object& body) {
  GenerationCall call;
  FieldReader reader(body, "", kFrameRules, &call.generate.ignored);
  read_model(reader, kListedAt, call.generate.model);
  read_input(reader, call.prompt, nullptr, &call.generate.ignored);
  read_parameters(reader, call);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

}  // namespace

Result<GenerationCall> parse_generation(std::string_view body) {
  return parse_degradable(body, read_generation, "parameters");
}

Result<TokenizerCall> parse_tokenizer(std::string_view body) {
  STUDIO_TRY(json::value value, parse_body(body, kMaxCallBytes));
  TokenizerCall call;
  FieldReader reader(value.get_object(), "", kTokenizerRules, &call.ignored);
  read_model(reader, kListedAt, call.model);
  read_input(reader, call.prompt, &call.text, &call.ignored);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

std::vector<EndpointFields> field_tables() {
  std::vector<FieldTable> input = {{"input", "", kInputRules},
                                   {"input.messages[]", "", kMessageRules},
                                   {"input.messages[].content[]", "", kPartRules},
                                   {"input.history[]", "", kTurnRules}};
  add_cache_table("input.messages[].content[]", input);
  add_call_tables("input.messages", input);
  std::vector<FieldTable> generation = {{"", "", kFrameRules}, {"parameters", "", kParameterRules}};
  add_format_tables("parameters.", generation);
  add_tool_tables("parameters.", generation);
  generation.insert(generation.end(), input.begin(), input.end());
  std::vector<FieldTable> tokenizer = {{"", "", kTokenizerRules}};
  tokenizer.insert(tokenizer.end(), input.begin(), input.end());
  return {{"dashscope", "POST /api/v1/services/aigc/text-generation/generation", generation},
          {"dashscope", "POST /api/v1/services/aigc/multimodal-generation/generation", generation},
          {"dashscope", "POST /api/v1/tokenizer", tokenizer}};
}

}  // namespace studio::api::dashscope
