#include "api/openai/parse_common.h"

#include <charconv>

#include "base/ids.h"
#include "base/json.h"

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
  FieldReader inner(*options, "stream_options", kStreamOptionRules, nullptr);
  call.include_usage = inner.flag("include_usage").value_or(false);
  if (!inner.ok()) return reader.fail(inner.status().error());
  if (!call.stream) reader.fail("stream_options", "is only allowed with stream: true");
}

void read_stop(FieldReader& reader, GenerateCall& call) {
  const boost::json::value* value = reader.find("stop");
  if (!value) return;
  auto add = [&](const std::string& place, const boost::json::value& item) {
    if (item.is_string()) {
      const auto& text = item.get_string();
      if (text.empty() || text.size() > inference::kMaxStopBytes) {
        reader.fail(place, "must hold 1 to " + std::to_string(inference::kMaxStopBytes) + " bytes");
      } else {
        call.stop.emplace_back(text);
      }
    } else if (item.is_int64() && item.get_int64() >= 0 && item.get_int64() <= INT32_MAX) {
      call.stop_ids.push_back(static_cast<engine::TokenId>(item.get_int64()));
    } else {
      reader.fail(place, "must be a text or a token id; it is " + std::string(json_kind(item)));
    }
  };
  if (value->is_string()) return add("stop", *value);
  if (!value->is_array()) {
    return reader.fail(
        "stop", "must be a text, a list of texts or a list of token ids; it is " + std::string(json_kind(*value)));
  }
  const boost::json::array& items = value->get_array();
  if (items.size() > inference::kMaxStopStrings) {
    return reader.fail("stop", "may hold " + std::to_string(inference::kMaxStopStrings) + " entries; it holds " +
                                   std::to_string(items.size()));
  }
  for (size_t i = 0; i < items.size(); ++i) {
    std::string place = "stop[" + std::to_string(i) + "]";
    // The original also takes a list of one-id lists.
    const auto* wrapped = items[i].if_array();
    add(place, wrapped && wrapped->size() == 1 && wrapped->front().is_int64() ? wrapped->front() : items[i]);
  }
  if (!call.stop.empty() && !call.stop_ids.empty()) reader.fail("stop", "must hold texts or token ids, not both");
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

void read_sampling(FieldReader& reader, engine::SamplingParams& sampling) {
  auto number = [&](std::string_view name, Range range, float fallback) {
    auto value = reader.number(name, range);
    return value ? static_cast<float>(*value) : fallback;
  };
  sampling.temperature = number("temperature", {.min = 0, .max = 2, .excludes_max = true}, kDefaultTemperature);
  sampling.top_p = number("top_p", {.min = 0, .max = 1, .excludes_min = true}, kDefaultTopP);
  sampling.min_p = number("min_p", {.min = 0, .max = 1}, 0);
  sampling.presence_penalty = number("presence_penalty", {.min = -2, .max = 2}, 0);
  sampling.frequency_penalty = number("frequency_penalty", {.min = -2, .max = 2}, 0);
  sampling.repetition_penalty =
      number("repetition_penalty", {.min = 0, .max = 100, .excludes_min = true}, kDefaultRepetitionPenalty);
  // -1 is how other servers spell "all".
  int64_t top_k = reader.integer("top_k", -1, INT32_MAX).value_or(kDefaultTopK);
  sampling.top_k = top_k < 0 ? 0 : static_cast<int>(top_k);
  auto seed = reader.integer("seed", INT64_MIN, INT64_MAX);
  sampling.seed = seed ? static_cast<uint64_t>(*seed) : random_u64();
  read_logit_bias(reader, sampling);
}

constexpr FieldRule kMessageRules[] = {
    {"role"},
    {"content"},
    {"reasoning_content"},
    {"partial"},
    {"name", FieldUse::kNoEffect, "a text"},
    {"refusal", FieldUse::kNoEffect, "a text"},
    {"annotations", FieldUse::kNoEffect, "a list"},
    {"audio", FieldUse::kNotBuilt},
    {"tool_calls", FieldUse::kNotBuilt, "[]"},
    {"tool_call_id", FieldUse::kNotBuilt},
    {"function_call", FieldUse::kNotBuilt},
};

constexpr FieldRule kPartRules[] = {
    {"type"},
    {"text"},
    {"cache_control", FieldUse::kNoEffect, "an object"},
};

// The one text of a list of parts.
std::string read_parts(FieldReader& reader, const boost::json::array& parts, std::vector<std::string>* ignored) {
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
      reader.fail(place + ".type",
                  "must be \"text\": this version reads text alone, not " +
                      to_json(boost::json::value(excerpt(type->get_string()))),
                  Code::kUnimplemented);
      break;
    }
    FieldReader inner(*part, reader.path_of(place), kPartRules, ignored);
    auto kind = inner.text("type");
    auto text = inner.text("text");
    if (inner.ok() && !kind) inner.fail("type", "is missing; for a text it is \"text\"");
    if (inner.ok() && !text) inner.fail("text", "is missing");
    if (!inner.ok()) {
      reader.fail(inner.status().error());
      break;
    }
    all += *text;
  }
  return all;
}

inference::Message read_message(FieldReader& reader, bool* is_partial, std::vector<std::string>* ignored) {
  inference::Message message;
  auto role = reader.text("role");
  if (!role) {
    reader.fail("role", "is missing; it is system, user or assistant");
  } else if (*role == "tool" || *role == "function") {
    reader.fail("role", "must be system, user or assistant: tools are not supported by this version",
                Code::kUnimplemented);
  } else if (*role != "system" && *role != "developer" && *role != "user" && *role != "assistant") {
    reader.fail("role",
                "must be system, developer, user or assistant; it is " + to_json(boost::json::value(excerpt(*role))));
  } else {
    message.role = *role == "developer" ? "system" : *role;  // OpenAI's newer name of the same thing
  }
  const boost::json::value* content = reader.find("content");
  if (content && content->is_string()) {
    message.content = content->get_string();
  } else if (content && content->is_array()) {
    message.content = read_parts(reader, content->get_array(), ignored);
  } else if (content) {
    reader.fail("content", "must be a text or a list of parts; it is " + std::string(json_kind(*content)));
  } else if (message.role != "assistant") {
    reader.fail("content", "is missing");
  }
  message.reasoning_content = reader.text("reasoning_content").value_or("");
  if (!message.reasoning_content.empty() && message.role != "assistant") {
    reader.fail("reasoning_content", "is only allowed on a message of the assistant");
  }
  *is_partial = reader.flag("partial").value_or(false);
  if (*is_partial && message.role != "assistant")
    reader.fail("partial", "is only allowed on a message of the assistant");
  if (*is_partial && message.content.empty()) reader.fail("content", "must not be empty in a partial message");
  return message;
}

}  // namespace

void read_model(FieldReader& reader, std::string& model) {
  auto name = reader.text("model");
  if (!name || name->empty()) return reader.fail("model", "is missing (GET /v1/models lists the models)");
  if (name->size() > kMaxModelNameBytes) return reader.fail("model", "is too long to be a model's name");
  model = std::move(*name);
}

void read_generate(FieldReader& reader, GenerateCall& call) {
  read_model(reader, call.model);
  read_stream(reader, call);
  read_sampling(reader, call.sampling);
  read_stop(reader, call);
  call.n = static_cast<int>(reader.integer("n", 1, inference::kMaxChoices).value_or(1));
  if (auto limit = reader.integer("max_tokens", 1, kMaxTokensLimit)) call.max_tokens = static_cast<int>(*limit);
  call.ignore_eos = reader.flag("ignore_eos").value_or(false);
}

void read_messages(FieldReader& reader, inference::ChatPrompt& prompt, std::vector<std::string>* ignored) {
  const boost::json::array* messages = reader.list("messages");
  if (!messages) return reader.fail("messages", "is missing: a list of messages");
  if (messages->empty()) return reader.fail("messages", "must hold at least one message");
  if (messages->size() > kMaxMessages) {
    return reader.fail("messages", "may hold " + std::to_string(kMaxMessages) + " messages; it holds " +
                                       std::to_string(messages->size()));
  }
  for (size_t i = 0; i < messages->size() && reader.ok(); ++i) {
    std::string place = "messages[" + std::to_string(i) + "]";
    const boost::json::object* object = (*messages)[i].if_object();
    if (!object) {
      return reader.fail(place,
                         "must be an object with role and content; it is " + std::string(json_kind((*messages)[i])));
    }
    FieldReader inner(*object, place, kMessageRules, ignored);
    bool is_partial = false;
    prompt.messages.push_back(read_message(inner, &is_partial, ignored));
    if (is_partial && i + 1 < messages->size()) inner.fail("partial", "is only allowed on the last message");
    prompt.is_partial = is_partial;
    if (!inner.ok()) return reader.fail(inner.status().error());
  }
}

}  // namespace studio::api::openai
