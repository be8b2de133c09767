#include "api/responses/render.h"

#include <boost/json.hpp>

namespace studio::api::responses {
namespace {

namespace json = boost::json;

json::object usage_object(const inference::GenerationUsage& usage) {
  return {{"input_tokens", usage.prompt_tokens},
          {"input_tokens_details", json::object{{"cached_tokens", usage.cached_tokens}, {"cache_write_tokens", 0}}},
          {"output_tokens", usage.completion_tokens},
          {"output_tokens_details", json::object{{"reasoning_tokens", usage.reasoning_tokens}}},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
}

json::value or_null(int64_t seconds) {
  return seconds ? json::value(seconds) : json::value();
}

// The wire's order: what it is, how it stands, what came of it, then what was asked.
json::object head_of(const Record& record, State state) {
  return {{"id", record.id},
          {"object", "response"},
          {"created_at", record.created_at},
          {"completed_at", nullptr},
          {"status", state_name(state)},
          {"background", record.is_background},
          {"error", nullptr},
          {"incomplete_details", nullptr},
          {"model", record.model},
          {"output", json::array()},
          {"usage", nullptr}};
}

void add_echo(const Record& record, json::object& object) {
  for (const auto& field : record.echo) object.insert_or_assign(field.key(), field.value());
}

}  // namespace

json::object reasoning_item(std::string_view id, const std::string& text, const char* status) {
  json::array content;
  if (!text.empty()) content.push_back(json::object{{"type", "reasoning_text"}, {"text", text}});
  return {{"id", id},
          {"type", "reasoning"},
          {"status", status},
          {"summary", json::array()},
          {"content", std::move(content)},
          {"encrypted_content", nullptr}};
}

json::object message_item(std::string_view id, json::array content, const char* status) {
  return {{"id", id}, {"type", "message"}, {"status", status}, {"role", "assistant"}, {"content", std::move(content)}};
}

json::object text_part(const std::string& text, json::array logprobs) {
  return {{"type", "output_text"}, {"text", text}, {"annotations", json::array()}, {"logprobs", std::move(logprobs)}};
}

json::array output_items(const Record& record) {
  std::string reasoning, text;
  json::array logprobs;
  bool has_message = false;
  for (const Piece& piece : record.pieces) {
    (piece.is_reasoning ? reasoning : text) += piece.text;
    logprobs.insert(logprobs.end(), piece.logprobs.begin(), piece.logprobs.end());
    has_message |= !piece.is_reasoning;
  }
  const bool is_whole = record.state == State::kCompleted;
  has_message |= is_whole;  // one that says nothing is a message too
  json::array items;
  if (!reasoning.empty()) {
    // What follows shows that the reasoning came to its end.
    items.push_back(
        reasoning_item(reasoning_id(record.id), reasoning, is_whole || has_message ? "completed" : "incomplete"));
  }
  if (has_message) {
    items.push_back(message_item(message_id(record.id), {text_part(text, std::move(logprobs))},
                                 is_whole ? "completed" : "incomplete"));
  }
  return items;
}

json::object response_object(const Record& record, State state) {
  json::object object = head_of(record, state);
  add_echo(record, object);
  return object;
}

json::object response_object(const Record& record) {
  json::object object = head_of(record, record.state);
  if (is_final(record.state)) {
    object["completed_at"] = or_null(record.state == State::kCompleted ? record.completed_at : 0);
    object["output"] = output_items(record);
  }
  // What one that failed has used is in the record of usage alone.
  if (record.state == State::kCompleted || record.state == State::kIncomplete) {
    object["usage"] = usage_object(record.usage);
  }
  if (record.state == State::kIncomplete) object["incomplete_details"] = {{"reason", "max_output_tokens"}};
  if (record.failure) object["error"] = {{"code", record.failure->code}, {"message", record.failure->message}};
  add_echo(record, object);
  return object;
}

}  // namespace studio::api::responses
