#include "api/responses/parse.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/responses/items.h"
#include "api/responses/metadata.h"
#include "api/responses/tools.h"
#include "api/serving/degraded.h"
#include "api/serving/effort.h"
#include "api/serving/structure.h"

namespace studio::api::responses {
namespace {

namespace json = boost::json;

constexpr const char* kListedAt = "GET /v1/models";
constexpr const char* kDialect = "responses";

// One line per field of POST /v1/responses; see the README for what each means.
constexpr FieldRule kResponseRules[] = {
    {"model"},
    {"input"},
    {"instructions"},
    {"previous_response_id"},
    {"conversation"},
    {"stream"},
    {"stream_options"},
    {"store"},
    {"background"},
    {"metadata"},
    {"include"},
    {"max_output_tokens"},
    {"reasoning"},
    {"text"},
    {"temperature"},
    {"top_p"},
    {"top_logprobs"},
    {"top_k"},
    {"min_p"},
    {"presence_penalty"},
    {"frequency_penalty"},
    {"repetition_penalty"},
    {"seed"},
    {"enable_thinking"},
    {"thinking_budget"},
    {"ignore_eos"},
    {"allow_degraded"},
    {"user", FieldUse::kNoEffect, "a text"},
    {"safety_identifier", FieldUse::kNoEffect, "a text"},
    {"prompt_cache_key", FieldUse::kNoEffect, "a text"},
    {"client_metadata", FieldUse::kNoEffect, "an object"},
    {"tools"},
    {"tool_choice"},
    {"parallel_tool_calls"},
    {"structured_outputs"},
    {"guided_json"},
    {"guided_regex"},
    {"guided_choice"},
    {"guided_grammar"},
    {"max_tool_calls", FieldUse::kNotBuilt},
    {"truncation", FieldUse::kNotBuilt, "\"disabled\""},
    {"service_tier", FieldUse::kNotBuilt, R"("auto" "default")"},
    {"prompt", FieldUse::kNotBuilt},
    {"prompt_cache_retention", FieldUse::kNotBuilt, R"("in_memory" "in-memory")"},
    {"prompt_cache_options", FieldUse::kNotBuilt, "{}"},
    {"context_management", FieldUse::kNotBuilt, "[]"},
    {"moderation", FieldUse::kNotBuilt},
    {"access_programs", FieldUse::kNotBuilt},
    {"image", FieldUse::kNotBuilt},
};
// Of these, what makes the prompt counts; the rest is read as it is there.
constexpr FieldRule kCountRules[] = {
    {"model"},
    {"input"},
    {"instructions"},
    {"previous_response_id"},
    {"conversation"},
    {"reasoning"},
    {"text"},
    {"enable_thinking"},
    {"thinking_budget"},
    {"tools"},
    {"tool_choice"},
    {"parallel_tool_calls"},
    {"truncation", FieldUse::kNotBuilt, "\"disabled\""},
    {"personality", FieldUse::kNotBuilt},
    {"allow_degraded"},
};
constexpr FieldRule kStreamOptionRules[] = {{"include_obfuscation", FieldUse::kNotBuilt, "false"}};
constexpr FieldRule kConversationIdRules[] = {{"id"}};
constexpr FieldRule kReasoningRules[] = {
    {"effort"},
    {"summary", FieldUse::kNotBuilt, "\"auto\""},
    {"generate_summary", FieldUse::kNotBuilt, "\"auto\""},
    {"context", FieldUse::kNotBuilt, R"("auto" "current_turn")"},
    {"mode", FieldUse::kNotBuilt, "\"auto\""},
};

constexpr FieldRule kNewConversationRules[] = {{"items"}, {"metadata"}, {"allow_degraded"}};
constexpr FieldRule kChangeRules[] = {{"metadata"}, {"allow_degraded"}};
constexpr FieldRule kNewItemsRules[] = {{"items"}, {"allow_degraded"}};

// What may be included. All but the first add to items that no answer of this version has, or stand there anyway.
constexpr const char* kLogprobs = "message.output_text.logprobs";
constexpr std::string_view kIncludes[] = {"message.output_text.logprobs",
                                          "reasoning.encrypted_content",
                                          "file_search_call.results",
                                          "web_search_call.results",
                                          "web_search_call.action.sources",
                                          "message.input_image.image_url",
                                          "computer_call_output.output.image_url",
                                          "code_interpreter_call.outputs"};

constexpr int64_t kLeastOutputTokens = 16;  // the original's own

void read_include(FieldReader& reader, ResponseCall& call) {
  const json::array* names = reader.list("include");
  if (!names) return;
  if (names->size() > std::size(kIncludes)) return reader.fail("include", "names more than there is");
  for (size_t i = 0; i < names->size() && reader.ok(); ++i) {
    const std::string place = "include[" + std::to_string(i) + "]";
    const json::string* name = (*names)[i].if_string();
    if (!name) return reader.fail(place, "must be a text; it is " + std::string(json_kind((*names)[i])));
    if (std::find(std::begin(kIncludes), std::end(kIncludes), std::string_view(*name)) == std::end(kIncludes)) {
      return reader.fail(place, "is not known: " + quoted(*name) + "; logprobs are " + kLogprobs);
    }
    if (*name == kLogprobs) {
      call.generate.sampling.logprobs = true;
    } else {
      call.generate.ignored.push_back("include." + std::string(*name));
    }
  }
}

void read_logprobs_wanted(FieldReader& reader, ResponseCall& call) {
  read_include(reader, call);
  engine::SamplingParams& sampling = call.generate.sampling;
  const auto top = reader.integer("top_logprobs", 0, engine::kMaxTopLogprobs);
  sampling.top_logprobs = static_cast<int>(top.value_or(0));
  if (sampling.top_logprobs > 0 && !sampling.logprobs) {
    reader.fail("top_logprobs", std::string("is only allowed where include names ") + kLogprobs);
  }
}

void read_input(FieldReader& reader, ResponseCall& call) {
  const json::value* input = reader.find("input");
  if (!input) {
    reader.fail("input", "is missing: a text or a list of items");
  } else if (input->is_string()) {
    call.input.push_back(user_message(input->get_string()));
  } else if (!input->is_array()) {
    reader.fail("input", "must be a text or a list of items; it is " + std::string(json_kind(*input)));
  } else if (input->get_array().empty()) {
    reader.fail("input", "must hold at least one item");
  } else {
    call.input = read_items(reader, "input", input->get_array(), kMaxMessages, &call.generate.ignored);
  }
}

// A name, or an object with one.
void read_conversation(FieldReader& reader, ResponseCall& call) {
  const json::value* value = reader.find("conversation");
  if (!value) return;
  if (value->is_string()) {
    call.conversation_id = std::string(value->get_string());
  } else if (const json::object* object = reader.object("conversation")) {
    FieldReader inner(*object, "conversation", kConversationIdRules, nullptr);
    call.conversation_id = inner.text("id").value_or("");
    if (!inner.ok()) return reader.fail(inner.status().error());
  }
  if (reader.ok() && call.conversation_id.empty()) reader.fail("conversation", "must name a conversation");
  if (!call.previous_response_id.empty()) {
    reader.fail("conversation", "and previous_response_id exclude each other");
  }
}

// What went before and what is kept.
void read_state(FieldReader& reader, ResponseCall& call) {
  call.previous_response_id = reader.text("previous_response_id").value_or("");
  read_conversation(reader, call);
  call.is_stored = reader.flag("store").value_or(true);
  call.is_background = reader.flag("background").value_or(false);
  if (call.is_background && !call.is_stored) reader.fail("background", "needs store: true, as it is asked for later");
}

void read_effort(FieldReader& reader, ResponseCall& call) {
  const json::object* reasoning = reader.object("reasoning");
  if (!reasoning) return;
  FieldReader inner(*reasoning, "reasoning", kReasoningRules, &call.generate.ignored);
  if (const auto effort = api::read_effort(inner, "effort")) {
    call.enable_thinking = effort->thinks;
    call.thinking_budget = effort->budget_tokens;
  }
  if (!inner.ok()) reader.fail(inner.status().error());
}

void read_thinking(FieldReader& reader, ResponseCall& call) {
  read_effort(reader, call);
  const auto flag = reader.flag("enable_thinking");
  const auto budget = reader.integer("thinking_budget", 1, kMaxTokensLimit);
  if ((flag || budget) && call.enable_thinking) {
    return reader.fail(flag ? "enable_thinking" : "thinking_budget", "and reasoning.effort exclude each other");
  }
  if (flag) call.enable_thinking = flag;
  if (budget) call.thinking_budget = static_cast<int>(*budget);
  if (budget && call.enable_thinking == false) {
    reader.fail("thinking_budget", "is only allowed with enable_thinking: true");
  }
}

void read_stream(FieldReader& reader, ResponseCall& call) {
  call.generate.stream = reader.flag("stream").value_or(false);
  const json::object* options = reader.object("stream_options");
  if (!options) return;
  FieldReader inner(*options, "stream_options", kStreamOptionRules, &call.generate.ignored);
  if (!inner.ok()) return reader.fail(inner.status().error());
  if (!call.generate.stream) reader.fail("stream_options", "is only allowed with stream: true");
}

void read_generation(FieldReader& reader, ResponseCall& call) {
  read_sampling(reader, {.least_top_k = -1}, call.generate);
  read_logprobs_wanted(reader, call);
  if (auto limit = reader.integer("max_output_tokens", kLeastOutputTokens, kMaxTokensLimit)) {
    call.generate.max_completion_tokens = static_cast<int>(*limit);
  }
  call.generate.ignore_eos = reader.flag("ignore_eos").value_or(false);
}

// A conversation holds what was said itself, never a name of it.
json::array read_held_items(FieldReader& reader, const json::array& items, std::vector<std::string>* ignored) {
  json::array kept = read_items(reader, "items", items, kMaxItemsPerCall, ignored);
  for (size_t i = 0; i < kept.size() && reader.ok(); ++i) {
    if (is_reference(kept[i].get_object())) {
      reader.fail("items[" + std::to_string(i) + "].type",
                  "must be an item itself in a conversation, not the name of one", Code::kUnimplemented);
    }
  }
  return kept;
}

json::value given(const FieldReader& reader, std::string_view name, const json::value& otherwise = nullptr) {
  const json::value* value = reader.find(name);
  return value ? *value : otherwise;
}

json::value format_of(const FieldReader& reader) {
  const json::value* text = reader.find("text");
  const json::value* format = text ? text->get_object().if_contains("format") : nullptr;
  return format && format->is_object() ? *format : json::value{{"type", "text"}};
}

json::object echo_of(const FieldReader& reader, const ResponseCall& call, json::object metadata) {
  const json::value* reasoning = reader.find("reasoning");
  const json::value* effort = reasoning ? reasoning->get_object().if_contains("effort") : nullptr;
  json::value conversation;
  if (!call.conversation_id.empty()) conversation = {{"id", call.conversation_id}};
  return {{"conversation", std::move(conversation)},
          {"previous_response_id", given(reader, "previous_response_id")},
          {"instructions", given(reader, "instructions")},
          {"max_output_tokens", given(reader, "max_output_tokens")},
          {"max_tool_calls", nullptr},
          {"metadata", std::move(metadata)},
          {"parallel_tool_calls", given(reader, "parallel_tool_calls", true)},
          {"presence_penalty", given(reader, "presence_penalty", 0)},
          {"frequency_penalty", given(reader, "frequency_penalty", 0)},
          {"prompt_cache_key", given(reader, "prompt_cache_key")},
          {"reasoning", json::object{{"effort", effort ? *effort : json::value()}, {"summary", nullptr}}},
          {"safety_identifier", given(reader, "safety_identifier")},
          {"service_tier", "default"},
          {"store", call.is_stored},
          {"temperature", given(reader, "temperature", 0.7)},  // kDefaultTemperature, as it is written
          {"text", json::object{{"format", format_of(reader)}, {"verbosity", "medium"}}},
          {"tool_choice", given(reader, "tool_choice", "auto")},
          {"tools", given(reader, "tools", json::array())},
          {"top_logprobs", call.generate.sampling.top_logprobs},
          {"top_p", given(reader, "top_p", 0.8)},  // kDefaultTopP
          {"truncation", "disabled"},
          {"user", given(reader, "user")}};
}

Result<ResponseCall> read_response(const json::object& body) {
  ResponseCall call;
  FieldReader reader(body, "", kResponseRules, &call.generate.ignored);
  read_model(reader, kListedAt, call.generate.model);
  read_stream(reader, call);
  read_state(reader, call);
  call.instructions = reader.text("instructions").value_or("");
  read_generation(reader, call);
  read_thinking(reader, call);
  read_text(reader, call);
  read_structured_outputs(reader, call.generate);
  read_tools(reader, call);
  json::object metadata = read_metadata(reader);
  if (reader.ok()) read_input(reader, call);
  STUDIO_CHECK_OK(reader.status());
  call.echo = echo_of(reader, call, std::move(metadata));
  return call;
}

Result<ResponseCall> read_count(const json::object& body) {
  ResponseCall call;
  FieldReader reader(body, "", kCountRules, &call.generate.ignored);
  read_model(reader, kListedAt, call.generate.model);
  call.previous_response_id = reader.text("previous_response_id").value_or("");
  read_conversation(reader, call);
  call.instructions = reader.text("instructions").value_or("");
  read_thinking(reader, call);
  read_text(reader, call);
  read_tools(reader, call);
  if (reader.ok()) read_input(reader, call);
  STUDIO_CHECK_OK(reader.status());
  call.echo = echo_of(reader, call, {});
  return call;
}

Result<ConversationCall> read_new_conversation(const json::object& body) {
  ConversationCall call;
  FieldReader reader(body, "", kNewConversationRules, &call.ignored);
  call.metadata = read_metadata(reader);
  if (const json::array* items = reader.list("items"); items && reader.ok()) {
    call.items = read_held_items(reader, *items, &call.ignored);
  }
  STUDIO_CHECK_OK(reader.status());
  return call;
}

Result<ConversationCall> read_change(const json::object& body) {
  ConversationCall call;
  FieldReader reader(body, "", kChangeRules, &call.ignored);
  if (reader.ok() && !body.contains("metadata")) reader.fail("metadata", "is missing");
  call.metadata = read_metadata(reader);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

Result<ConversationCall> read_new_items(const json::object& body) {
  ConversationCall call;
  FieldReader reader(body, "", kNewItemsRules, &call.ignored);
  const json::array* items = reader.list("items");
  if (reader.ok() && (!items || items->empty())) reader.fail("items", "is missing: a list of items");
  if (reader.ok()) call.items = read_held_items(reader, *items, &call.ignored);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

// Of both endpoints that read a request for a response.
void add_prompt_tables(std::vector<FieldTable>& tables) {
  add_item_tables("input", References::kAllowed, tables);
  tables.push_back({"conversation", "", kConversationIdRules});
  tables.push_back({"reasoning", "", kReasoningRules});
  add_text_tables(tables);
  add_tool_tables(tables);
}

EndpointFields items_of_conversation(const char* endpoint, std::span<const FieldRule> rules) {
  EndpointFields fields{kDialect, endpoint, {{"", "", rules}}};
  add_item_tables("items", References::kRefused, fields.tables);
  return fields;
}

}  // namespace

Result<ResponseCall> parse_response(std::string_view body) {
  STUDIO_TRY(ResponseCall call, parse_degradable(body, read_response));
  // The response says it wherever it is told: in its body, its events, and when it is asked for again.
  if (!call.generate.degraded.empty()) call.echo["degraded"] = degraded_object(call.generate.degraded);
  return call;
}

Result<ResponseCall> parse_count(std::string_view body) {
  return parse_degradable(body, read_count);
}

Result<ConversationCall> parse_conversation(std::string_view body) {
  return parse_degradable(body.empty() ? "{}" : body, read_new_conversation);
}

Result<ConversationCall> parse_metadata(std::string_view body) {
  return parse_degradable(body, read_change);
}

Result<ConversationCall> parse_new_items(std::string_view body) {
  return parse_degradable(body, read_new_items);
}

std::vector<EndpointFields> field_tables() {
  EndpointFields create{kDialect, "POST /v1/responses", {{"", "", kResponseRules}}};
  add_prompt_tables(create.tables);
  create.tables.push_back({"stream_options", "", kStreamOptionRules});
  add_structured_tables(create.tables);
  EndpointFields count{kDialect, "POST /v1/responses/input_tokens", {{"", "", kCountRules}}};
  add_prompt_tables(count.tables);
  return {std::move(create), std::move(count), items_of_conversation("POST /v1/conversations", kNewConversationRules),
          EndpointFields{kDialect, "POST /v1/conversations/{id}", {{"", "", kChangeRules}}},
          items_of_conversation("POST /v1/conversations/{id}/items", kNewItemsRules)};
}

}  // namespace studio::api::responses
