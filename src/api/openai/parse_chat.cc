// The bodies of chat/completions and tokenize.
#include <boost/json.hpp>

#include "api/openai/parse.h"
#include "api/openai/parse_common.h"
#include "api/serving/degraded.h"
#include "api/serving/effort.h"
#include "api/serving/structure.h"

namespace studio::api::openai {
namespace {

// One line per field of POST /chat/completions beside kGenerateRules; see the README for what each means.
constexpr FieldRule kChatOwnRules[] = {
    {"messages"},
    {"max_completion_tokens"},
    {"top_logprobs"},
    {"enable_thinking"},
    {"thinking_budget"},
    {"reasoning_effort"},
    {"chat_template_kwargs"},
    {"metadata", FieldUse::kNoEffect, "an object"},
    {"safety_identifier", FieldUse::kNoEffect, "a text"},
    {"prompt_cache_key", FieldUse::kNoEffect, "a text"},
    {"store", FieldUse::kNotBuilt, "false"},
    {"service_tier", FieldUse::kNotBuilt, "\"auto\" \"default\""},
    {"response_format"},
    {"structured_outputs"},
    {"guided_json"},
    {"guided_regex"},
    {"guided_choice"},
    {"guided_grammar"},
    {"tools"},
    {"tool_choice"},
    {"parallel_tool_calls"},
    {"functions", FieldUse::kNotBuilt, "[]"},
    {"function_call", FieldUse::kNotBuilt, R"("none" "auto")"},
    {"tool_stream", FieldUse::kNotBuilt, "false"},
    {"modalities", FieldUse::kNotBuilt, R"(["text"])", kTextAlone},
    {"audio", FieldUse::kNotBuilt, "", kTextAlone},
    {"moderation", FieldUse::kNotBuilt, "", "what an answer says is not judged here"},
    {"prediction", FieldUse::kNotBuilt},
    {"verbosity", FieldUse::kNotBuilt, "\"medium\""},
    {"web_search_options", FieldUse::kNotBuilt, "", kNoSearch},
    {"preserve_thinking", FieldUse::kNotBuilt, "false"},
    {"clear_thinking", FieldUse::kNotBuilt},
    {"prompt_cache_retention", FieldUse::kNotBuilt, "\"in_memory\" \"in-memory\"", kNoKeptTime},
    {"prompt_cache_options", FieldUse::kNotBuilt, R"({} {"mode":"implicit"})", kNoKeptTime},
    {"enable_search", FieldUse::kNotBuilt, "false", kNoSearch},
    {"search_options", FieldUse::kNotBuilt, "", kNoSearch},
    {"enable_code_interpreter", FieldUse::kNotBuilt, "false"},
    {"translation_options", FieldUse::kNotBuilt},
    {"vl_high_resolution_images", FieldUse::kNotBuilt, "false", kTextAlone},
    {"vl_enable_image_hw_output", FieldUse::kNotBuilt, "false", kTextAlone},
    {"ocr_options", FieldUse::kNotBuilt, "", kTextAlone},
    {"asr_options", FieldUse::kNotBuilt, "", kTextAlone},
    {"best_of", FieldUse::kNotBuilt, "1"},
    {"chat_template", FieldUse::kNotBuilt},
    {"documents", FieldUse::kNotBuilt, "[]"},
    {"add_generation_prompt", FieldUse::kNotBuilt, "true"},
    {"continue_final_message", FieldUse::kNotBuilt, "false"},
    {"echo", FieldUse::kNotBuilt, "false"},
};
constexpr auto kChatRules = join(kGenerateRules, kChatOwnRules);

constexpr FieldRule kTemplateRules[] = {{"enable_thinking"}};

constexpr FieldRule kTokenizeRules[] = {
    {"model"},
    {"text"},
    {"messages"},
    {"enable_thinking"},
    {"thinking_budget"},
    {"reasoning_effort"},
    {"chat_template_kwargs"},
};

void read_thinking(FieldReader& reader, inference::ChatPrompt& prompt) {
  prompt.enable_thinking = reader.flag("enable_thinking");
  if (const boost::json::object* options = reader.object("chat_template_kwargs")) {
    FieldReader inner(*options, "chat_template_kwargs", kTemplateRules, nullptr);
    auto inner_thinking = inner.flag("enable_thinking");
    if (!inner.ok()) return reader.fail(inner.status().error());
    if (inner_thinking && prompt.enable_thinking && *inner_thinking != *prompt.enable_thinking) {
      return reader.fail("chat_template_kwargs", "contradicts enable_thinking");
    }
    if (inner_thinking) prompt.enable_thinking = inner_thinking;
  }
  if (auto budget = reader.integer("thinking_budget", 1, kMaxTokensLimit)) {
    prompt.thinking_budget = static_cast<int>(*budget);
    if (prompt.enable_thinking == false) reader.fail("thinking_budget", "is only allowed with enable_thinking: true");
  }
  add_effort(reader, "reasoning_effort", prompt);
  if (prompt.is_partial && prompt.enable_thinking == true) {
    reader.fail("enable_thinking", "must be false where the last message is partial");
  }
  if (prompt.is_partial && prompt.thinking_budget) {
    reader.fail("thinking_budget", "is not allowed where the last message is partial");
  }
}

Result<ChatCall> read_chat(const boost::json::object& body) {
  ChatCall call;
  GenerateCall& generate = call.generate;
  FieldReader reader(body, "", kChatRules, &generate.ignored);
  read_generate(reader, generate);
  read_messages(reader, call.prompt, &generate.ignored);
  read_thinking(reader, call.prompt);
  call.has_effort = reader.find("reasoning_effort") != nullptr;
  if (auto limit = reader.integer("max_completion_tokens", 1, kMaxTokensLimit)) {
    generate.max_completion_tokens = static_cast<int>(*limit);
  }
  read_logprobs(reader, generate.sampling);
  read_response_format(reader, generate);
  read_structured_outputs(reader, generate);
  read_tools(reader, call.prompt.tools, &generate.ignored);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

}  // namespace

Result<ChatCall> parse_chat(std::string_view body) {
  return parse_degradable(body, read_chat);
}

Result<TokenizeCall> parse_tokenize(std::string_view body) {
  STUDIO_TRY(boost::json::value json, parse_body(body, kMaxCallBytes));
  TokenizeCall call;
  FieldReader reader(json.get_object(), "", kTokenizeRules, &call.ignored);
  read_model(reader, kListedAt, call.model);
  call.text = reader.text("text");
  if (reader.find("messages")) {
    call.prompt.emplace();
    read_messages(reader, *call.prompt, &call.ignored);
    read_thinking(reader, *call.prompt);
    call.has_effort = reader.find("reasoning_effort") != nullptr;
  }
  if (call.text.has_value() == call.prompt.has_value()) {
    reader.fail("text", call.text ? "and messages exclude each other" : "or messages is missing");
  }
  STUDIO_CHECK_OK(reader.status());
  return call;
}

EndpointFields chat_fields() {
  EndpointFields fields{"openai", "POST /v1/chat/completions", {{"", "", kChatRules}}};
  add_common_tables(fields.tables);
  add_message_tables(fields.tables);
  add_format_tables("", fields.tables);
  add_structured_tables(fields.tables);
  add_tool_tables("", fields.tables);
  fields.tables.push_back({"chat_template_kwargs", "", kTemplateRules});
  return fields;
}

EndpointFields tokenize_fields() {
  EndpointFields fields{"openai", "POST /v1/tokenize", {{"", "", kTokenizeRules}}};
  add_message_tables(fields.tables);
  fields.tables.push_back({"chat_template_kwargs", "", kTemplateRules});
  return fields;
}

}  // namespace studio::api::openai
