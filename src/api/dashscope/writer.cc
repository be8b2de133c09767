#include "api/dashscope/writer.h"

#include <boost/json.hpp>

#include "api/dashscope/errors.h"
#include "api/serving/cache_marks.h"
#include "api/serving/logprobs.h"
#include "base/json.h"
#include "http/sse.h"

namespace studio::api::dashscope {
namespace {

namespace json = boost::json;
using inference::Finish;
using inference::GenerationUsage;

constexpr const char* kGoesOn = "null";  // the text, until a choice ends

const char* finish_reason(Finish finish) {
  if (finish == Finish::kToolCalls) return "tool_calls";
  return finish == Finish::kLength ? "length" : "stop";
}

json::object render_usage(const GenerationUsage& usage) {
  return json::object{
      {"input_tokens", usage.prompt_tokens},
      {"output_tokens", usage.completion_tokens},
      {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
      {"output_tokens_details", json::object{{"reasoning_tokens", usage.reasoning_tokens},
                                             {"text_tokens", usage.completion_tokens - usage.reasoning_tokens}}},
      {"prompt_tokens_details", prompt_tokens_details(usage)},
  };
}

class Writer final : public AnswerWriter {
 public:
  explicit Writer(AnswerHead head) : head_(std::move(head)), so_far_(head_.choices) {}

  http::Response stream_head() const override { return http::sse_head(); }
  std::string heartbeat() const override { return ":keep-alive\n\n"; }
  void note_token(int) override { ++tokens_; }
  std::string opening() override { return ""; }

  std::string pieces(const inference::ChoiceDelta& delta) override {
    ChoiceAnswer& choice = so_far_[static_cast<size_t>(delta.choice)];
    if (head_.is_incremental) choice = ChoiceAnswer();
    choice.reasoning += delta.reasoning;
    choice.text += delta.text;
    choice.logprobs.insert(choice.logprobs.end(), delta.logprobs.begin(), delta.logprobs.end());
    add_calls(delta, choice);
    json::array choices;
    choices.push_back(choice_object(delta.choice, choice, kGoesOn));
    // What was generated so far; how much of it was reasoning the end says.
    json::object usage{{"input_tokens", head_.prompt_tokens},
                       {"output_tokens", tokens_},
                       {"total_tokens", head_.prompt_tokens + tokens_}};
    return event("result", 200, frame(output(std::move(choices), choice, kGoesOn), std::move(usage)));
  }

  std::string ending(const AnswerEnd& end) override {
    if (head_.is_incremental) so_far_.assign(so_far_.size(), ChoiceAnswer());
    return event("result", 200, ended(so_far_, end.generation));
  }

  std::string failure(const Error& error) override {
    return event("error", http_status(error.code()), error_body(error, head_.request_id));
  }

  http::Response whole(const std::vector<ChoiceAnswer>& choices, const AnswerEnd& end) override {
    return http::Response::json(200, ended(choices, end.generation));
  }
  http::Response refusal(const Error& error) override { return error_response(error, head_.request_id); }

 private:
  // A piece of an incremental stream has a piece of a call, whose place `first_call_` tells.
  void add_calls(const inference::ChoiceDelta& delta, ChoiceAnswer& choice) {
    if (head_.is_incremental && !delta.tool_calls.empty()) first_call_ = delta.tool_calls.front().index;
    for (const inference::ToolCallDelta& call : delta.tool_calls) {
      const auto place = static_cast<size_t>(call.index - first_call_);
      if (choice.tool_calls.size() <= place) choice.tool_calls.push_back({call.id, call.name, ""});
      choice.tool_calls[place].arguments += call.arguments;
    }
  }

  json::array render_calls(const ChoiceAnswer& choice) const {
    json::array calls;
    for (const inference::ToolCall& call : choice.tool_calls) {
      calls.push_back(json::object{{"index", first_call_ + static_cast<int64_t>(calls.size())},
                                   {"id", call.id},
                                   {"type", "function"},
                                   {"function", json::object{{"name", call.name}, {"arguments", call.arguments}}}});
    }
    return calls;
  }

  json::value content_of(const std::string& text) const {
    if (!head_.is_multimodal) return json::value(text);
    json::array parts;
    if (!text.empty()) parts.push_back(json::object{{"text", text}});
    return parts;
  }

  json::object choice_object(int index, const ChoiceAnswer& choice, const char* reason) const {
    json::object message{{"role", "assistant"}, {"content", content_of(choice.text)}};
    message["reasoning_content"] = choice.reasoning;
    if (!choice.tool_calls.empty()) message["tool_calls"] = render_calls(choice);
    json::object object{{"index", index}, {"finish_reason", reason}, {"message", std::move(message)}};
    if (head_.has_logprobs) object["logprobs"] = json::object{{"content", token_logprobs(choice.logprobs)}};
    return object;
  }

  // In the format `text` there is one choice.
  json::object output(json::array choices, const ChoiceAnswer& first, const char* reason) const {
    if (head_.format == ResultFormat::kText) {
      return json::object{{"text", first.text}, {"finish_reason", reason}, {"choices", nullptr}};
    }
    return json::object{{"text", nullptr}, {"finish_reason", nullptr}, {"choices", std::move(choices)}};
  }

  std::string frame(json::object output, json::object usage) const {
    return to_json(
        json::object{{"output", std::move(output)}, {"usage", std::move(usage)}, {"request_id", head_.request_id}});
  }

  std::string ended(const std::vector<ChoiceAnswer>& choices, const inference::GenerationEnd& end) const {
    json::array objects;
    for (size_t i = 0; i < choices.size(); ++i) {
      objects.push_back(choice_object(static_cast<int>(i), choices[i], finish_reason(end.finish[i])));
    }
    return frame(output(std::move(objects), choices.front(), finish_reason(end.finish.front())),
                 render_usage(end.usage));
  }

  std::string event(const char* name, int status, const std::string& data) {
    const std::string code = std::to_string(status);
    std::string bytes = "id:" + std::to_string(++events_) + "\nevent:" + name + "\n:HTTP_STATUS/" + code + "\n";
    if (status != 200) bytes += "status:" + code + "\n";  // where a client looks for it
    return bytes + "data:" + data + "\n\n";
  }

  const AnswerHead head_;
  std::vector<ChoiceAnswer> so_far_;  // of each choice; of an incremental stream the last piece
  int64_t tokens_ = 0;                // of all choices
  int events_ = 0;
  int first_call_ = 0;  // of the calls in the piece under way
};

}  // namespace

std::unique_ptr<AnswerWriter> make_writer(AnswerHead head) {
  return std::make_unique<Writer>(std::move(head));
}

}  // namespace studio::api::dashscope
