#include "api/ollama/writer.h"

#include <boost/json.hpp>

#include "api/serving/logprobs.h"
#include "api/serving/wording.h"
#include "base/json.h"

namespace studio::api::ollama {
namespace {

namespace json = boost::json;
using std::chrono::system_clock;

// A switch without default: a new code does not compile until it has a row.
int status_of(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
    case Code::kUnimplemented:
      return 400;
    case Code::kUnauthenticated:
      return 401;
    case Code::kPermissionDenied:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kConflict:
      return 409;
    case Code::kPayloadTooLarge:
      return 413;
    case Code::kFailedPrecondition:
      return 422;
    case Code::kQuotaExceeded:
      return 429;
    case Code::kCancelled:
      return 499;
    case Code::kCorruptData:
    case Code::kInternal:
      return 500;
    case Code::kOverloaded:
    case Code::kUnavailable:
      return 503;
    case Code::kDeadlineExceeded:
      return 504;
  }
  return 500;
}

const char* done_reason(const inference::GenerationEnd& end) {
  return end.finish.front() == inference::Finish::kLength ? "length" : "stop";
}

class Writer final : public AnswerWriter {
 public:
  explicit Writer(AnswerHead head) : head_(std::move(head)) {}

  http::Response stream_head() const override {
    http::Response head;
    head.fields.add("Content-Type", "application/x-ndjson");
    head.fields.add("Cache-Control", "no-cache");
    head.fields.add("X-Accel-Buffering", "no");  // nginx would otherwise hold lines back
    return head;
  }
  // Its clients read every line as JSON: an empty piece, where others have a comment.
  std::string heartbeat() const override { return line(piece("", "")); }
  std::string opening() override { return ""; }

  std::string pieces(const inference::ChoiceDelta& delta) override {
    std::string lines;
    if (!delta.reasoning.empty()) lines += line(piece(delta.reasoning, ""));
    if (!delta.text.empty() || !delta.logprobs.empty()) {
      lines += line(with_logprobs(piece("", delta.text), delta.logprobs));
    }
    for (const inference::ToolCallDelta& call : delta.tool_calls) lines += take_call(call);
    return lines;
  }

  std::string ending(const AnswerEnd& end) override { return line(ended(piece("", ""), end)); }
  std::string failure(const Error& error) override { return line({{"error", error.message()}}); }

  http::Response whole(const std::vector<ChoiceAnswer>& choices, const AnswerEnd& end) override {
    const ChoiceAnswer& choice = choices.front();
    return http::Response::json(
        200,
        to_json(ended(
            with_calls(with_logprobs(piece(choice.reasoning, choice.text), choice.logprobs), choice.tool_calls), end)));
  }
  http::Response refusal(const Error& error) override { return error_response(error); }

 private:
  static std::string line(const json::object& object) { return to_json(object) + "\n"; }

  json::object piece(const std::string& thinking, const std::string& text) const {
    json::object object{{"model", head_.model}, {"created_at", utc_time(system_clock::now())}};
    if (head_.endpoint == Endpoint::kChat) {
      json::object message{{"role", "assistant"}, {"content", text}};
      if (!thinking.empty()) message["thinking"] = thinking;
      object["message"] = std::move(message);
    } else {
      object["response"] = text;
      if (!thinking.empty()) object["thinking"] = thinking;
    }
    object["done"] = false;
    return object;
  }

  json::object with_logprobs(json::object object, const std::vector<inference::TokenLogprob>& logprobs) const {
    if (head_.has_logprobs) object["logprobs"] = token_logprobs(logprobs);
    return object;
  }

  // Arguments are an object here: a call is told when it is whole.
  std::string take_call(const inference::ToolCallDelta& call) {
    if (!call.id.empty()) call_ = {.id = call.id, .name = call.name, .arguments = {}};
    call_.arguments += call.arguments;
    if (!call.is_last) return "";
    return line(with_calls(piece("", ""), {call_}));
  }

  // One that broke off, as the answer was cut short, is left out.
  static json::object with_calls(json::object object, const std::vector<inference::ToolCall>& calls) {
    json::array rendered;
    for (const inference::ToolCall& call : calls) {
      auto arguments = parse_json(call.arguments);
      if (!arguments.ok() || !arguments->is_object()) continue;
      rendered.push_back(json::object{
          {"id", call.id}, {"function", json::object{{"name", call.name}, {"arguments", std::move(*arguments)}}}});
    }
    if (!rendered.empty()) object["message"].as_object()["tool_calls"] = std::move(rendered);
    return object;
  }

  // Durations are nanoseconds. The model is loaded before the server listens: no request waits for that.
  static json::object ended(json::object object, const AnswerEnd& end) {
    object["done"] = true;
    object["done_reason"] = done_reason(end.generation);
    object["total_duration"] = end.total.count();
    object["load_duration"] = 0;
    object["prompt_eval_count"] = end.generation.usage.prompt_tokens;
    object["prompt_eval_duration"] = end.until_first_token.count();
    object["eval_count"] = end.generation.usage.completion_tokens;
    object["eval_duration"] = (end.total - end.until_first_token).count();
    return object;
  }

  const AnswerHead head_;
  inference::ToolCall call_;  // under way
};

}  // namespace

std::unique_ptr<AnswerWriter> make_writer(AnswerHead head) {
  return std::make_unique<Writer>(std::move(head));
}

json::object loaded(const AnswerHead& head) {
  json::object object{{"model", head.model}, {"created_at", utc_time(system_clock::now())}};
  if (head.endpoint == Endpoint::kChat) {
    object["message"] = json::object{{"role", "assistant"}, {"content", ""}};
  } else {
    object["response"] = "";
  }
  object["done"] = true;
  object["done_reason"] = "load";
  return object;
}

int http_status(Code code) {
  return status_of(code);
}

http::Response error_response(const Error& error) {
  return error_response(status_of(error.code()), error);
}

http::Response error_response(int status, const Error& error) {
  http::Response response = http::Response::json(status, to_json(json::object{{"error", error.message()}}));
  add_retry_after(error, response);
  return response;
}

}  // namespace studio::api::ollama
