#include "api/openai/stream.h"

#include <boost/json.hpp>

#include "base/json.h"

namespace studio::api::openai {
namespace {

namespace json = boost::json;

json::object chat_choice(int index, json::object delta) {
  return json::object{{"index", index}, {"delta", std::move(delta)}, {"logprobs", nullptr}, {"finish_reason", nullptr}};
}

json::object completion_choice(int index, std::string text) {
  return json::object{{"index", index}, {"text", std::move(text)}, {"logprobs", nullptr}, {"finish_reason", nullptr}};
}

}  // namespace

std::string ChunkWriter::chunk(json::array choices) const {
  json::object object{
      {"id", head_.id},
      {"object", head_.endpoint == Endpoint::kChat ? "chat.completion.chunk" : "text_completion"},
      {"created", head_.created},
      {"model", head_.model},
      {"choices", std::move(choices)},
      {"system_fingerprint", nullptr},
  };
  if (head_.include_usage) object["usage"] = nullptr;
  return to_json(object);
}

std::string ChunkWriter::opening(int choice) const {
  if (head_.endpoint != Endpoint::kChat) return "";
  json::object delta{{"role", "assistant"}, {"content", ""}};
  if (may_reason_) delta = {{"role", "assistant"}, {"content", nullptr}, {"reasoning_content", ""}};
  return chunk({chat_choice(choice, std::move(delta))});
}

std::vector<std::string> ChunkWriter::pieces(const inference::ChoiceDelta& delta) {
  std::vector<std::string> chunks;
  if (!delta.reasoning.empty()) {
    chunks.push_back(
        chunk({chat_choice(delta.choice, {{"content", nullptr}, {"reasoning_content", delta.reasoning}})}));
  }
  if (!delta.text.empty() || !delta.logprobs.empty()) chunks.push_back(text_chunk(delta));
  for (const inference::ToolCallDelta& call : delta.tool_calls) {
    json::object function{{"arguments", call.arguments}};
    json::object piece{{"index", call.index}};
    if (!call.id.empty()) {
      piece["id"] = call.id;
      piece["type"] = "function";
      function = {{"name", call.name}, {"arguments", call.arguments}};
    }
    piece["function"] = std::move(function);
    json::array pieces;
    pieces.push_back(std::move(piece));
    chunks.push_back(chunk({chat_choice(delta.choice, {{"tool_calls", std::move(pieces)}})}));
  }
  return chunks;
}

std::string ChunkWriter::text_chunk(const inference::ChoiceDelta& delta) {
  const bool is_chat = head_.endpoint == Endpoint::kChat;
  json::object choice =
      is_chat ? chat_choice(delta.choice, {{"content", delta.text}}) : completion_choice(delta.choice, delta.text);
  if (head_.has_logprobs) {
    choice["logprobs"] = is_chat
                             ? render_chat_logprobs(delta.logprobs)
                             : render_completion_logprobs(delta.logprobs, &offsets_[static_cast<size_t>(delta.choice)]);
  }
  return chunk({std::move(choice)});
}

std::string ChunkWriter::silence() const {
  return chunk({head_.endpoint == Endpoint::kChat ? chat_choice(0, {}) : completion_choice(0, "")});
}

std::string ChunkWriter::finish(int choice, inference::Finish finish) const {
  json::object object =
      head_.endpoint == Endpoint::kChat ? chat_choice(choice, {{"content", ""}}) : completion_choice(choice, "");
  object["finish_reason"] = finish_reason(finish);
  return chunk({std::move(object)});
}

std::string ChunkWriter::usage(const inference::GenerationUsage& usage) const {
  return to_json(json::object{
      {"id", head_.id},
      {"object", head_.endpoint == Endpoint::kChat ? "chat.completion.chunk" : "text_completion"},
      {"created", head_.created},
      {"model", head_.model},
      {"choices", json::array()},
      {"system_fingerprint", nullptr},
      {"usage", render_usage(usage)},
  });
}

}  // namespace studio::api::openai
