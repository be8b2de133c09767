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

// Pieces into items: each ends where the next begins.
class OutputReader {
 public:
  explicit OutputReader(const Record& record) : record_(record) {}

  void add(const Piece& piece) {
    if (!open_ || piece.kind != open_->kind || !piece.call_id.empty()) {
      close("completed");
      open_ = &piece;
    }
    text_ += piece.text;
    logprobs_.insert(logprobs_.end(), piece.logprobs.begin(), piece.logprobs.end());
  }

  json::array end() {
    const bool is_whole = record_.state == State::kCompleted;
    static const Piece kNothing;
    // One that says nothing is a message too.
    if (is_whole && (!open_ || open_->kind == Piece::Kind::kReasoning)) add(kNothing);
    close(is_whole ? "completed" : "incomplete");
    return std::move(items_);
  }

 private:
  void close(const char* status) {
    if (!open_) return;
    switch (open_->kind) {
      case Piece::Kind::kReasoning:
        items_.push_back(reasoning_item(reasoning_id(record_.id), text_, status));
        break;
      case Piece::Kind::kText:
        items_.push_back(message_item(message_id(record_.id), {text_part(text_, std::move(logprobs_))}, status));
        break;
      case Piece::Kind::kCall:
        items_.push_back(call_item(call_item_id(record_.id, calls_++), *open_, text_, status));
        break;
    }
    text_.clear();
    logprobs_ = {};
    open_ = nullptr;
  }

  const Record& record_;
  const Piece* open_ = nullptr;  // the first of the item under way
  std::string text_;
  json::array logprobs_, items_;
  size_t calls_ = 0;
};

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

json::object call_item(std::string_view id, const Piece& first, const std::string& arguments, const char* status) {
  return {{"id", id},           {"type", "function_call"}, {"status", status}, {"call_id", first.call_id},
          {"name", first.name}, {"arguments", arguments}};
}

json::array output_items(const Record& record) {
  OutputReader reader(record);
  for (const Piece& piece : record.pieces) reader.add(piece);
  return reader.end();
}

json::array plain_output_items(const Record& record) {
  Record plain = record;
  for (Piece& piece : plain.pieces) piece.logprobs.clear();
  return output_items(plain);
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
