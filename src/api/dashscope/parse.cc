#include "api/dashscope/parse.h"

#include <boost/json.hpp>

#include "api/serving/fields.h"
#include "api/serving/sampling_defaults.h"
#include "base/ids.h"
#include "base/json.h"

namespace studio::api::dashscope {
namespace {

namespace json = boost::json;

constexpr FieldRule kFrameRules[] = {
    {"model"},
    {"input"},
    {"parameters"},
    {"task", FieldUse::kNoEffect, "a text"},  // what older SDKs repeat of the path, as the next three
    {"task_group", FieldUse::kNoEffect, "a text"},
    {"function", FieldUse::kNoEffect, "a text"},
    {"resources", FieldUse::kNotBuilt, "{} []"},
    {"allow_degraded", FieldUse::kNotBuilt, "false"},
};

constexpr FieldRule kInputRules[] = {
    {"messages"},
    {"prompt"},
    {"history"},
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
    {"logprobs"},
    {"top_logprobs"},
    {"stream", FieldUse::kNoEffect, "true or false"},  // a field of the head decides
    {"response_format", FieldUse::kNotBuilt, R"({"type":"text"})"},
    {"tools", FieldUse::kNotBuilt, "[]"},
    {"tool_choice", FieldUse::kNotBuilt, R"("none" "auto")"},
    {"parallel_tool_calls", FieldUse::kNotBuilt, "false true"},
    {"tool_stream", FieldUse::kNotBuilt, "false"},
    {"enable_search", FieldUse::kNotBuilt, "false"},
    {"search_options", FieldUse::kNotBuilt, "{}"},
    {"enable_code_interpreter", FieldUse::kNotBuilt, "false"},
    {"preserve_thinking", FieldUse::kNotBuilt, "false"},
    {"translation_options", FieldUse::kNotBuilt},
    {"modalities", FieldUse::kNotBuilt, R"(["text"])"},
    {"vl_high_resolution_images", FieldUse::kNotBuilt, "false"},
    {"vl_enable_image_hw_output", FieldUse::kNotBuilt, "false"},
    {"ocr_options", FieldUse::kNotBuilt},
    {"asr_options", FieldUse::kNotBuilt},
};

constexpr FieldRule kMessageRules[] = {
    {"role"},
    {"content"},
    {"reasoning_content"},
    {"partial"},
    {"name", FieldUse::kNoEffect, "a text"},
    {"tool_calls", FieldUse::kNotBuilt, "[]"},
    {"tool_call_id", FieldUse::kNotBuilt},
};
constexpr FieldRule kPartRules[] = {
    {"text"},
    {"type"},
    {"cache_control", FieldUse::kNoEffect, "an object"},
};
constexpr FieldRule kTurnRules[] = {{"user"}, {"bot"}};

std::string quoted(std::string_view text) {
  return to_json(json::value(excerpt(text)));
}

void read_model(FieldReader& reader, std::string& model) {
  auto name = reader.text("model");
  if (!name || name->empty()) return reader.fail("model", "is missing (GET /v1/models lists the models)");
  if (name->size() > kMaxModelNameBytes) return reader.fail("model", "is too long to be a model's name");
  model = std::move(*name);
}

// Parts are objects of one key; of "image" and its kind that key is the fault.
void read_part(FieldReader& reader, const std::string& place, const json::value& value, std::string& into,
               std::vector<std::string>* ignored) {
  const json::object* part = value.if_object();
  if (!part) return reader.fail(place, "must be an object; it is " + std::string(json_kind(value)));
  for (const std::string_view media : {"image", "video", "audio", "image_url", "video_url", "input_audio", "file"}) {
    if (!part->contains(media)) continue;
    return reader.fail(place + "." + std::string(media), "is not supported: this version reads text alone",
                       Code::kUnimplemented);
  }
  FieldReader inner(*part, reader.path_of(place), kPartRules, ignored);
  auto type = inner.text("type");
  if (type && *type != "text") inner.fail("type", "must be \"text\"; it is " + quoted(*type), Code::kUnimplemented);
  auto text = inner.text("text");
  if (inner.ok() && !text) inner.fail("text", "is missing");
  if (!inner.ok()) return reader.fail(inner.status().error());
  into += *text;
}

void read_content(FieldReader& reader, inference::Message& message, std::vector<std::string>* ignored) {
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
      read_part(reader, "content[" + std::to_string(i) + "]", parts[i], message.content, ignored);
    }
  } else {
    reader.fail("content", "must be a text or a list of parts; it is " + std::string(json_kind(*content)));
  }
}

inference::Message read_message(FieldReader& reader, bool* is_partial, std::vector<std::string>* ignored) {
  inference::Message message;
  auto role = reader.text("role");
  if (!role) {
    reader.fail("role", "is missing; it is system, user or assistant");
  } else if (*role == "tool") {
    reader.fail("role", "must be system, user or assistant: tools are not supported by this version",
                Code::kUnimplemented);
  } else if (*role != "system" && *role != "user" && *role != "assistant") {
    reader.fail("role", "must be system, user or assistant; it is " + quoted(*role));
  } else {
    message.role = *role;
  }
  read_content(reader, message, ignored);
  message.reasoning_content = reader.text("reasoning_content").value_or("");
  if (!message.reasoning_content.empty() && message.role != "assistant") {
    reader.fail("reasoning_content", "is only allowed on a message of the assistant");
  }
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
  if (messages.size() > kMaxMessages) {
    return input.fail("messages", "may hold " + std::to_string(kMaxMessages) + " messages; it holds " +
                                      std::to_string(messages.size()));
  }
  for (size_t i = 0; i < messages.size() && input.ok(); ++i) {
    const std::string place = input.path_of("messages[" + std::to_string(i) + "]");
    const json::object* object = messages[i].if_object();
    if (!object) {
      return input.fail("messages[" + std::to_string(i) + "]",
                        "must be an object with role and content; it is " + std::string(json_kind(messages[i])));
    }
    FieldReader inner(*object, place, kMessageRules, ignored);
    bool is_partial = false;
    prompt.messages.push_back(read_message(inner, &is_partial, ignored));
    if (is_partial && i + 1 < messages.size()) inner.fail("partial", "is only allowed on the last message");
    prompt.is_partial = is_partial;
    if (!inner.ok()) return input.fail(inner.status().error());
  }
}

// The older form: what was said before, in pairs, and a prompt.
void read_history(FieldReader& input, inference::ChatPrompt& prompt) {
  const json::array* turns = input.list("history");
  if (!turns) return;
  if (turns->size() > kMaxMessages) {
    return input.fail("history",
                      "may hold " + std::to_string(kMaxMessages) + " turns; it holds " + std::to_string(turns->size()));
  }
  for (size_t i = 0; i < turns->size(); ++i) {
    const std::string place = "history[" + std::to_string(i) + "]";
    const json::object* turn = (*turns)[i].if_object();
    if (!turn) return input.fail(place, "must be an object with user and bot");
    FieldReader inner(*turn, input.path_of(place), kTurnRules, nullptr);
    prompt.messages.push_back({.role = "user", .content = inner.text("user").value_or(""), .reasoning_content = {}});
    prompt.messages.push_back(
        {.role = "assistant", .content = inner.text("bot").value_or(""), .reasoning_content = {}});
    if (!inner.ok()) return input.fail(inner.status().error());
  }
}

// `text` takes a prompt that stands alone and is not to be made a conversation.
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
  } else if (input.ok() && plain && text) {
    *text = std::move(plain);
  } else if (input.ok() && plain) {
    read_history(input, prompt);
    prompt.messages.push_back({.role = "user", .content = std::move(*plain), .reasoning_content = {}});
  } else if (input.ok()) {
    input.fail("messages", "is missing: a list of messages");
  }
  if (!input.ok()) reader.fail(input.status().error());
}

void read_stop(FieldReader& parameters, GenerateCall& call) {
  const json::value* value = parameters.find("stop");
  if (!value) return;
  auto add = [&](const std::string& place, const json::value& item) {
    if (const json::string* text = item.if_string()) {
      if (text->empty() || text->size() > inference::kMaxStopBytes) {
        return parameters.fail(place, "must hold 1 to " + std::to_string(inference::kMaxStopBytes) + " bytes");
      }
      call.stop.emplace_back(*text);
    } else if (item.is_int64() && item.get_int64() >= 0 && item.get_int64() <= INT32_MAX) {
      call.stop_ids.push_back(static_cast<engine::TokenId>(item.get_int64()));
    } else {
      parameters.fail(place, "must be a text or a token id; it is " + std::string(json_kind(item)));
    }
  };
  if (!value->is_array()) return add("stop", *value);
  const json::array& items = value->get_array();
  if (items.size() > inference::kMaxStopStrings) {
    return parameters.fail("stop", "may hold " + std::to_string(inference::kMaxStopStrings) + " entries; it holds " +
                                       std::to_string(items.size()));
  }
  for (size_t i = 0; i < items.size(); ++i) {
    // A token id may stand in a list of its own.
    const json::array* wrapped = items[i].if_array();
    add("stop[" + std::to_string(i) + "]",
        wrapped && wrapped->size() == 1 && wrapped->front().is_int64() ? wrapped->front() : items[i]);
  }
  if (!call.stop.empty() && !call.stop_ids.empty()) parameters.fail("stop", "must hold texts or token ids, not both");
}

void read_sampling(FieldReader& parameters, engine::SamplingParams& sampling) {
  auto number = [&](std::string_view name, Range range, float fallback) {
    auto value = parameters.number(name, range);
    return value ? static_cast<float>(*value) : fallback;
  };
  sampling.temperature = number("temperature", {.min = 0, .max = 2, .excludes_max = true}, kDefaultTemperature);
  sampling.top_p = number("top_p", {.min = 0, .max = 1, .excludes_min = true}, kDefaultTopP);
  sampling.min_p = number("min_p", {.min = 0, .max = 1}, 0);
  sampling.presence_penalty = number("presence_penalty", {.min = -2, .max = 2}, 0);
  sampling.frequency_penalty = number("frequency_penalty", {.min = -2, .max = 2}, 0);
  sampling.repetition_penalty =
      number("repetition_penalty", {.min = 0, .max = 100, .excludes_min = true}, kDefaultRepetitionPenalty);
  sampling.top_k = static_cast<int>(parameters.integer("top_k", 0, INT32_MAX).value_or(kDefaultTopK));
  auto seed = parameters.integer("seed", 0, INT64_MAX);
  sampling.seed = seed ? static_cast<uint64_t>(*seed) : random_u64();
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
  read_sampling(parameters, call.generate.sampling);
  read_stop(parameters, call.generate);
  call.generate.n = static_cast<int>(parameters.integer("n", 1, inference::kMaxChoices).value_or(1));
  if (call.generate.n > 1 && call.result_format == ResultFormat::kText) {
    parameters.fail("n", "must be 1 where result_format is \"text\"");
  }
  if (auto limit = parameters.integer("max_tokens", 1, kMaxTokensLimit)) {
    call.generate.max_tokens = static_cast<int>(*limit);
  }
  call.generate.sampling.logprobs = parameters.flag("logprobs").value_or(false);
  if (auto top = parameters.integer("top_logprobs", 0, engine::kMaxTopLogprobs)) {
    call.generate.sampling.top_logprobs = static_cast<int>(*top);
    if (*top > 0 && !call.generate.sampling.logprobs) {
      parameters.fail("top_logprobs", "is only allowed with logprobs: true");
    }
  }
  if (call.generate.sampling.logprobs && call.result_format == ResultFormat::kText) {
    parameters.fail("result_format", "must be \"message\" with logprobs");
  }
  read_thinking(parameters, call);
  if (!parameters.ok()) reader.fail(parameters.status().error());
}

}  // namespace

Result<GenerationCall> parse_generation(std::string_view body) {
  STUDIO_TRY(json::value value, parse_body(body, kMaxBodyBytes));
  GenerationCall call;
  FieldReader reader(value.get_object(), "", kFrameRules, &call.generate.ignored);
  read_model(reader, call.generate.model);
  read_input(reader, call.prompt, nullptr, &call.generate.ignored);
  read_parameters(reader, call);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

Result<TokenizerCall> parse_tokenizer(std::string_view body) {
  STUDIO_TRY(json::value value, parse_body(body, kMaxBodyBytes));
  TokenizerCall call;
  std::vector<std::string> ignored;
  FieldReader reader(value.get_object(), "", kFrameRules, &ignored);
  read_model(reader, call.model);
  read_input(reader, call.prompt, &call.text, &ignored);
  if (const json::object* parameters = reader.object("parameters"); parameters && !parameters->empty()) {
    reader.fail("parameters", "must be empty: the tokenizer has none");
  }
  STUDIO_CHECK_OK(reader.status());
  return call;
}

}  // namespace studio::api::dashscope
