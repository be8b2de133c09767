#include "api/openai/render.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/serving/cache_marks.h"
#include "api/serving/logprobs.h"
#include "base/json.h"

namespace studio::api::openai {
namespace {

namespace json = boost::json;

int64_t characters(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

json::array render_tool_calls(const std::vector<inference::ToolCall>& calls) {
  json::array rendered;
  for (const inference::ToolCall& call : calls) {
    rendered.push_back(json::object{{"id", call.id},
                                    {"type", "function"},
                                    {"index", rendered.size()},
                                    {"function", json::object{{"name", call.name}, {"arguments", call.arguments}}}});
  }
  return rendered;
}

json::object chat_choice(const AnswerHead& head, const ChoiceAnswer& choice) {
  json::object message{{"role", "assistant"}, {"content", choice.text}};
  if (!choice.reasoning.empty()) message["reasoning_content"] = choice.reasoning;
  message["refusal"] = nullptr;
  if (!choice.tool_calls.empty()) message["tool_calls"] = render_tool_calls(choice.tool_calls);
  json::object object{{"message", std::move(message)}, {"logprobs", nullptr}};
  if (head.has_logprobs) object["logprobs"] = render_chat_logprobs(choice.logprobs);
  return object;
}

json::object completion_choice(const AnswerHead& head, const ChoiceAnswer& choice) {
  json::object object{{"text", choice.text}, {"logprobs", nullptr}};
  int64_t offset = 0;
  if (head.has_logprobs) object["logprobs"] = render_completion_logprobs(choice.logprobs, &offset);
  return object;
}

}  // namespace

std::string answer_id(Endpoint endpoint, const std::string& request_id) {
  return (endpoint == Endpoint::kChat ? "chatcmpl-" : "cmpl-") + request_id;
}

const char* finish_reason(inference::Finish finish) {
  if (finish == inference::Finish::kToolCalls) return "tool_calls";
  return finish == inference::Finish::kLength ? "length" : "stop";
}

json::object render_usage(const inference::GenerationUsage& usage) {
  return json::object{
      {"prompt_tokens", usage.prompt_tokens},
      {"completion_tokens", usage.completion_tokens},
      {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
      {"prompt_tokens_details", prompt_tokens_details(usage)},
      {"completion_tokens_details", json::object{{"reasoning_tokens", usage.reasoning_tokens}}},
  };
}

json::object render_chat_logprobs(const std::vector<inference::TokenLogprob>& logprobs) {
  return json::object{{"content", token_logprobs(logprobs)}, {"refusal", nullptr}};
}

json::object render_completion_logprobs(const std::vector<inference::TokenLogprob>& logprobs, int64_t* offset) {
  json::array tokens, token_logprobs, top_logprobs, offsets;
  for (const auto& token : logprobs) {
    std::string text = token_text(token.bytes);
    offsets.emplace_back(*offset);
    *offset += characters(text);
    json::object top;
    for (const auto& other : token.top) {
      // Two byte tokens may show the same replacement character: the likelier one keeps the name.
      std::string name = token_text(other.bytes);
      if (!top.contains(name)) top[name] = other.logprob;
    }
    tokens.emplace_back(std::move(text));
    token_logprobs.push_back(token.is_known ? json::value(token.logprob) : json::value());
    top_logprobs.push_back(token.is_known ? json::value(std::move(top)) : json::value());
  }
  return json::object{{"tokens", std::move(tokens)},
                      {"token_logprobs", std::move(token_logprobs)},
                      {"top_logprobs", std::move(top_logprobs)},
                      {"text_offset", std::move(offsets)}};
}

std::string render_answer(const AnswerHead& head, const std::vector<ChoiceAnswer>& choices,
                          const inference::GenerationEnd& end) {
  json::array rendered;
  for (const size_t i : best_choices(head.best_of.value_or(BestOf{}), choices)) {
    bool is_chat = head.endpoint == Endpoint::kChat;
    json::object choice = is_chat ? chat_choice(head, choices[i]) : completion_choice(head, choices[i]);
    choice["index"] = static_cast<int64_t>(rendered.size());
    choice["finish_reason"] = finish_reason(end.finish[i]);
    rendered.push_back(std::move(choice));
  }
  return to_json(json::object{{"id", head.id},
                              {"object", head.endpoint == Endpoint::kChat ? "chat.completion" : "text_completion"},
                              {"created", head.created},
                              {"model", head.model},
                              {"choices", std::move(rendered)},
                              {"usage", render_usage(end.usage)},
                              {"system_fingerprint", nullptr}});
}

}  // namespace studio::api::openai
