#include "http/sse.h"

namespace studio::http {

Response sse_head() {
  Response head;
  head.fields.add("Content-Type", "text/event-stream;charset=UTF-8");
  head.fields.add("Cache-Control", "no-cache");
  head.fields.add("X-Accel-Buffering", "no");  // nginx would otherwise hold events back
  return head;
}

std::string sse_event(std::string_view line) {
  std::string out = "data: ";
  out.reserve(line.size() + 8);
  for (char c : line) {
    if (c != '\r' && c != '\n') out += c;
  }
  out += "\n\n";
  return out;
}

std::string sse_event(std::string_view name, std::string_view line) {
  return "event: " + std::string(name) + "\n" + sse_event(line);
}

Status SseReader::feed(std::string_view bytes, std::vector<Event>& events) {
  for (char c : bytes) {
    if (after_cr_ && c == '\n') {
      after_cr_ = false;
      continue;
    }
    after_cr_ = c == '\r';
    if (c == '\r' || c == '\n') {
      std::string line = std::move(line_);
      line_.clear();
      take_line(line, events);
    } else {
      line_ += c;
      if (line_.size() + data_.size() > limit_) {
        return Error(Code::kPayloadTooLarge, "An event of the stream is too large.");
      }
    }
  }
  return Ok{};
}

void SseReader::take_line(std::string_view line, std::vector<Event>& events) {
  if (at_start_) {
    at_start_ = false;
    if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  }
  if (line.empty()) {
    if (has_data_) {
      data_.pop_back();  // the last LF is not part of the data
      events.push_back({type_.empty() ? "message" : type_, std::move(data_)});
    }
    type_.clear();
    data_.clear();
    has_data_ = false;
    return;
  }
  size_t colon = line.find(':');
  std::string_view name = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    data_ += value;
    data_ += '\n';
    has_data_ = true;
  } else if (name == "event") {
    type_ = value;
  }
}

}  // namespace studio::http
