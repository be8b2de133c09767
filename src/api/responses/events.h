// One response's stream of events, told from its record: as it comes, or long after, the same bytes.
//
// Order: response.created (for one in the background response.queued too), response.in_progress, then of each output
// item its beginning, its deltas and its end (reasoning, the message, calls), then the end of the response. Every event
// has a number, from 0. Not thread-safe: one per reader.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "api/responses/record.h"

namespace studio::api::responses {

class EventWriter {
 public:
  // Events up to this number are not told; -1: all are. The record is the one told of, as far as it is known.
  explicit EventWriter(const Record& record, int64_t starting_after = -1);

  std::string created();  // first
  std::string started();  // second
  std::string piece(const Piece& piece);
  // The record as it ended: closes what is open.
  std::string ended(const Record& record);

 private:
  std::string event(const char* type, boost::json::object fields);
  std::string response_event(const char* type, boost::json::object response);
  std::string part_event(const char* type, boost::json::object fields);
  std::string open(const Piece& first);
  std::string close(const char* status);
  std::string close_reasoning(const char* status);
  std::string close_message(const char* status);
  std::string close_call(const char* status);
  std::string item_id() const;

  const Record head_;  // without pieces
  const int64_t starting_after_;
  int64_t number_ = 0;         // of the next event
  std::optional<Piece> open_;  // the first of the item that is open, without its text
  int index_ = 0;              // of the item that is open, or of the next one
  size_t calls_ = 0;           // the same of the calls alone
  std::string text_;           // of the item that is open
  boost::json::array logprobs_;
};

// Of silences, where events have ids and comments would trouble their readers: no part of the response.
inline constexpr const char* kKeepAlive = "event: keepalive\ndata: {\"type\":\"keepalive\"}\n\n";

// Everything that there is of it: all of a record that has ended.
std::string replay(const Record& record, int64_t starting_after);

}  // namespace studio::api::responses
