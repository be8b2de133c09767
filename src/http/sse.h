// Server-sent events: the one writer and the reader of our own clients.
//
// Writer: one event is one `data:` line of compact JSON, in which no line end appears raw, with its name before it
// where a dialect names events. Never an `id:` (some clients stumble over comments once they have seen one): who asks
// for ids gets them from api/kept, and heartbeats that are events. Reader: the WHATWG event stream format, bytes in,
// events out; CR, LF and CRLF end lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace studio::http {

inline constexpr std::string_view kSseHeartbeat = ": keep-alive\n\n";

Response sse_head();  // 200 with the fields of an event stream

// "data: LINE\n\n". A CR or LF in the line, which our serialiser never makes, is dropped rather than sent.
std::string sse_event(std::string_view line);
// The same behind "event: NAME\n".
std::string sse_event(std::string_view name, std::string_view line);

class SseReader {
 public:
  struct Event {
    std::string type;  // "message" where the stream names none
    std::string data;
  };
  // Appends the events that these bytes complete. Errors: payload_too_large when one event passes the limit.
  Status feed(std::string_view bytes, std::vector<Event>& events);
  explicit SseReader(size_t event_limit_bytes = 1 << 20) : limit_(event_limit_bytes) {}

 private:
  void take_line(std::string_view line, std::vector<Event>& events);

  size_t limit_;
  std::string line_;
  bool after_cr_ = false;
  bool at_start_ = true;  // a byte order mark may come first
  std::string type_;
  std::string data_;
  bool has_data_ = false;
};

}  // namespace studio::http
