#include "api/anthropic/writer.h"

#include <boost/json.hpp>

#include "api/anthropic/errors.h"
#include "base/json.h"
#include "http/sse.h"

namespace studio::api::anthropic {
namespace {

namespace json = boost::json;
using inference::Finish;
using inference::GenerationUsage;

// A stop string that was met is an end of the turn, as the original has it.
const char* stop_reason(const inference::GenerationEnd& end) {
  if (end.finish.front() == Finish::kToolCalls) return "tool_use";
  return end.finish.front() == Finish::kLength ? "max_tokens" : "end_turn";
}

// Cached tokens stand beside the others, not among them.
json::object render_usage(const GenerationUsage& usage) {
  return json::object{{"input_tokens", usage.prompt_tokens - usage.cached_tokens - usage.newly_held_tokens},
                      {"cache_creation_input_tokens", usage.newly_held_tokens},
                      {"cache_read_input_tokens", usage.cached_tokens},
                      {"output_tokens", usage.completion_tokens}};
}

json::object thinking_block(const std::string& thinking) {
  return json::object{{"type", "thinking"}, {"thinking", thinking}, {"signature", ""}};
}

json::object text_block(const std::string& text) {
  return json::object{{"type", "text"}, {"text", text}};
}

json::object call_block(const std::string& id, const std::string& name, json::object input) {
  return json::object{{"type", "tool_use"}, {"id", id}, {"name", name}, {"input", std::move(input)}};
}

// Arguments that broke off, as the answer was cut short, are no object: the stop_reason says so.
json::object input_of(const std::string& arguments) {
  auto input = parse_json(arguments);
  return input.ok() && input->is_object() ? std::move(input->get_object()) : json::object();
}

// Clients drop frames without the event's name.
std::string event(const json::object& object) {
  return http::sse_event(std::string_view(object.at("type").get_string()), to_json(object));
}

class Writer final : public AnswerWriter {
 public:
  explicit Writer(MessageHead head) : head_(std::move(head)) {}

  http::Response stream_head() const override {
    http::Response head = http::sse_head();
    add_request_id(head, head_.request_id);
    return head;
  }
  std::string heartbeat() const override { return event({{"type", "ping"}}); }

  std::string opening() override {
    const GenerationUsage usage{.prompt_tokens = head_.prompt_tokens};
    return event({{"type", "message_start"}, {"message", message({}, nullptr, render_usage(usage))}});
  }

  std::string pieces(const inference::ChoiceDelta& delta) override {
    std::string events;
    if (!delta.reasoning.empty()) {
      events += open(Block::kThinking);
      if (head_.tells_thinking) events += block_delta({{"type", "thinking_delta"}, {"thinking", delta.reasoning}});
    }
    if (!delta.text.empty()) {
      events += open(Block::kText);
      events += block_delta({{"type", "text_delta"}, {"text", delta.text}});
    }
    for (const inference::ToolCallDelta& call : delta.tool_calls) {
      if (!call.id.empty()) events += open_call(call);
      if (!call.arguments.empty()) {
        events += block_delta({{"type", "input_json_delta"}, {"partial_json", call.arguments}});
      }
    }
    return events;
  }

  std::string ending(const AnswerEnd& answer_end) override {
    const inference::GenerationEnd& end = answer_end.generation;
    std::string events = close();
    events += event({{"type", "message_delta"},
                     {"delta", json::object{{"stop_reason", stop_reason(end)}, {"stop_sequence", nullptr}}},
                     {"usage", render_usage(end.usage)}});
    return events + event({{"type", "message_stop"}});
  }

  std::string failure(const Error& error) override {
    return http::sse_event("error", error_body(error, head_.request_id));
  }

  http::Response whole(const std::vector<ChoiceAnswer>& choices, const AnswerEnd& answer_end) override {
    const inference::GenerationEnd& end = answer_end.generation;
    const ChoiceAnswer& choice = choices.front();
    json::array content;
    if (!choice.reasoning.empty()) {
      content.push_back(thinking_block(head_.tells_thinking ? choice.reasoning : std::string()));
    }
    if (!choice.text.empty()) content.push_back(text_block(choice.text));
    for (const inference::ToolCall& call : choice.tool_calls) {
      content.push_back(call_block(call.id, call.name, input_of(call.arguments)));
    }
    http::Response response = http::Response::json(
        200, to_json(message(std::move(content), json::value(stop_reason(end)), render_usage(end.usage))));
    add_request_id(response, head_.request_id);
    return response;
  }

  http::Response refusal(const Error& error) override { return error_response(error, head_.request_id); }

 private:
  enum class Block { kNone, kThinking, kText, kCall };

  json::object message(json::array content, json::value reason, json::object usage) const {
    return json::object{{"id", head_.id},
                        {"type", "message"},
                        {"role", "assistant"},
                        {"model", head_.model},
                        {"content", std::move(content)},
                        {"stop_reason", std::move(reason)},
                        {"stop_sequence", nullptr},
                        {"usage", std::move(usage)}};
  }

  std::string open(Block block) {
    if (open_ == block) return "";
    std::string events = close();
    open_ = block;
    return events + event({{"type", "content_block_start"},
                           {"index", index_},
                           {"content_block", block == Block::kThinking ? thinking_block("") : text_block("")}});
  }

  std::string open_call(const inference::ToolCallDelta& call) {
    std::string events = close();
    open_ = Block::kCall;
    return events + event({{"type", "content_block_start"},
                           {"index", index_},
                           {"content_block", call_block(call.id, call.name, json::object())}});
  }

  // Thinking ends with its signature, which is empty, as the original sends it.
  std::string close() {
    if (open_ == Block::kNone) return "";
    std::string events;
    if (open_ == Block::kThinking) events = block_delta({{"type", "signature_delta"}, {"signature", ""}});
    events += event({{"type", "content_block_stop"}, {"index", index_}});
    open_ = Block::kNone;
    ++index_;
    return events;
  }

  std::string block_delta(json::object delta) const {
    return event({{"type", "content_block_delta"}, {"index", index_}, {"delta", std::move(delta)}});
  }

  const MessageHead head_;
  Block open_ = Block::kNone;
  int index_ = 0;  // of the block that is open, or the next one
};

}  // namespace

std::string message_id(const std::string& request_id) {
  return "msg_" + request_id;
}

std::unique_ptr<AnswerWriter> make_writer(MessageHead head) {
  return std::make_unique<Writer>(std::move(head));
}

}  // namespace studio::api::anthropic
