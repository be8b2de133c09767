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
  switch (open_->kind) {
    case Piece::Kind::kReasoning:
      return reasoning_id(head_.id);
    case Piece::Kind::kCall:
      return call_item_id(head_.id, calls_);
    case Piece::Kind::kText:
      break;
  }
  return message_id(head_.id);
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
  const bool is_next = !open_ || open_->kind != piece.kind || !piece.call_id.empty();
  std::string events = is_next ? open(piece) : "";
  text_ += piece.text;
  switch (piece.kind) {
    case Piece::Kind::kReasoning:
      return events + part_event("response.reasoning_text.delta", {{"delta", piece.text}});
    case Piece::Kind::kCall:
      if (piece.text.empty()) return events;  // its beginning has said it all
      return events + event("response.function_call_arguments.delta",
                            {{"item_id", item_id()}, {"output_index", index_}, {"delta", piece.text}});
    case Piece::Kind::kText:
      break;
  }
  logprobs_.insert(logprobs_.end(), piece.logprobs.begin(), piece.logprobs.end());
  return events + part_event("response.output_text.delta", {{"delta", piece.text}, {"logprobs", piece.logprobs}});
}

std::string EventWriter::open(const Piece& first) {
  std::string events = close("completed");  // what follows shows that it came to its end
  open_ = Piece{.kind = first.kind, .text = "", .call_id = first.call_id, .name = first.name};
  const auto added = [&](json::object item) {
    return event("response.output_item.added", {{"output_index", index_}, {"item", std::move(item)}});
  };
  switch (first.kind) {
    case Piece::Kind::kReasoning:
      events += added(reasoning_item(item_id(), "", "in_progress"));
      return events + part_event("response.content_part.added", {{"part", reasoning_part("")}});
    case Piece::Kind::kCall:
      return events + added(call_item(item_id(), *open_, "", "in_progress"));
    case Piece::Kind::kText:
      break;
  }
  events += added(message_item(item_id(), {}, "in_progress"));
  return events + part_event("response.content_part.added", {{"part", text_part("", {})}});
}

std::string EventWriter::close(const char* status) {
  if (!open_) return "";
  const bool is_call = open_->kind == Piece::Kind::kCall;
  std::string events = is_call                                  ? close_call(status)
                       : open_->kind == Piece::Kind::kReasoning ? close_reasoning(status)
                                                                : close_message(status);
  if (is_call) ++calls_;
  open_.reset();
  ++index_;
  text_.clear();
  logprobs_.clear();
  return events;
}

std::string EventWriter::close_call(const char* status) {
  std::string events = event("response.function_call_arguments.done",
                             {{"item_id", item_id()}, {"output_index", index_}, {"arguments", text_}});
  return events + event("response.output_item.done",
                        {{"output_index", index_}, {"item", call_item(item_id(), *open_, text_, status)}});
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
  // A whole answer holds a message, even one that says nothing, or calls.
  const bool says_nothing = is_whole && (!open_ || open_->kind == Piece::Kind::kReasoning);
  std::string events = says_nothing ? open({}) : "";
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
