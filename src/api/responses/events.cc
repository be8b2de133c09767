#include "api/responses/events.h"

#include <boost/json.hpp>

#include "api/responses/render.h"
#include "base/json.h"
#include "http/sse.h"

namespace studio::api::responses {
namespace {

namespace json = boost::json;

Record without_pieces(const Record& record) {
  Record head = record;
  head.pieces.clear();
  return head;
}

json::object reasoning_part(const std::string& text) {
  return {{"type", "reasoning_text"}, {"text", text}};
}

const char* end_type(State state) {
  switch (state) {
    case State::kIncomplete:
      return "response.incomplete";
    case State::kCompleted:
      return "response.completed";
    default:
      return "response.failed";  // the wire has no event of its own for a cancelled one; its status says it
  }
}

}  // namespace

EventWriter::EventWriter(const Record& record, int64_t starting_after)
    : head_(without_pieces(record)), starting_after_(starting_after) {}

std::string EventWriter::event(const char* type, json::object fields) {
  const int64_t number = number_++;
  if (number <= starting_after_) return "";
  json::object object{{"type", type}, {"sequence_number", number}};
  for (auto& field : fields) object.emplace(field.key(), std::move(field.value()));
  return http::sse_event(type, to_json(object));
}

std::string EventWriter::response_event(const char* type, json::object response) {
  return event(type, {{"response", std::move(response)}});
}

std::string EventWriter::part_event(const char* type, json::object fields) {
  json::object object{{"item_id", item_id()}, {"output_index", index_}, {"content_index", 0}};
  for (auto& field : fields) object.emplace(field.key(), std::move(field.value()));
  return event(type, std::move(object));
}

std::string EventWriter::item_id() const {
  return open_ == Item::kReasoning ? reasoning_id(head_.id) : message_id(head_.id);
}

std::string EventWriter::created() {
  const State state = head_.is_background ? State::kQueued : State::kInProgress;
  std::string events = response_event("response.created", response_object(head_, state));
  if (head_.is_background) events += response_event("response.queued", response_object(head_, state));
  return events;
}

std::string EventWriter::started() {
  return response_event("response.in_progress", response_object(head_, State::kInProgress));
}

std::string EventWriter::piece(const Piece& piece) {
  std::string events = open(piece.is_reasoning ? Item::kReasoning : Item::kMessage);
  text_ += piece.text;
  if (piece.is_reasoning) return events + part_event("response.reasoning_text.delta", {{"delta", piece.text}});
  logprobs_.insert(logprobs_.end(), piece.logprobs.begin(), piece.logprobs.end());
  return events + part_event("response.output_text.delta", {{"delta", piece.text}, {"logprobs", piece.logprobs}});
}

std::string EventWriter::open(Item item) {
  if (open_ == item) return "";
  std::string events = close("completed");  // what follows shows that it came to its end
  open_ = item;
  const bool is_reasoning = item == Item::kReasoning;
  events += event("response.output_item.added", {{"output_index", index_},
                                                 {"item", is_reasoning ? reasoning_item(item_id(), "", "in_progress")
                                                                       : message_item(item_id(), {}, "in_progress")}});
  return events +
         part_event("response.content_part.added", {{"part", is_reasoning ? reasoning_part("") : text_part("", {})}});
}

std::string EventWriter::close(const char* status) {
  if (open_ == Item::kNone) return "";
  std::string events = open_ == Item::kReasoning ? close_reasoning(status) : close_message(status);
  open_ = Item::kNone;
  ++index_;
  text_.clear();
  logprobs_.clear();
  return events;
}

std::string EventWriter::close_reasoning(const char* status) {
  std::string events = part_event("response.reasoning_text.done", {{"text", text_}});
  events += part_event("response.content_part.done", {{"part", reasoning_part(text_)}});
  return events + event("response.output_item.done",
                        {{"output_index", index_}, {"item", reasoning_item(item_id(), text_, status)}});
}

std::string EventWriter::close_message(const char* status) {
  std::string events = part_event("response.output_text.done", {{"text", text_}, {"logprobs", logprobs_}});
  events += part_event("response.content_part.done", {{"part", text_part(text_, logprobs_)}});
  return events +
         event("response.output_item.done",
               {{"output_index", index_}, {"item", message_item(item_id(), {text_part(text_, logprobs_)}, status)}});
}

std::string EventWriter::ended(const Record& record) {
  const bool is_whole = record.state == State::kCompleted;
  // A whole answer holds a message, even one that says nothing.
  std::string events = is_whole ? open(Item::kMessage) : "";
  events += close(is_whole ? "completed" : "incomplete");
  return events + response_event(end_type(record.state), response_object(record));
}

std::string replay(const Record& record, int64_t starting_after) {
  EventWriter writer(record, starting_after);
  std::string events = writer.created();
  events += writer.started();
  for (const Piece& piece : record.pieces) events += writer.piece(piece);
  return events + writer.ended(record);
}

}  // namespace studio::api::responses
