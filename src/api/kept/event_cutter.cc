#include "api/kept/event_cutter.h"

#include <algorithm>

namespace studio::api {

std::vector<std::string> EventCutter::feed(std::string_view bytes) {
  std::vector<std::string> events;
  // An end may lie across the border between what was there and what comes.
  size_t from = rest_.size() - std::min(rest_.size(), end_.size() - 1);
  rest_ += bytes;
  size_t begin = 0;
  for (size_t at = rest_.find(end_, from); at != std::string::npos; at = rest_.find(end_, begin)) {
    const size_t next = at + end_.size();
    events.push_back(rest_.substr(begin, next - begin));
    begin = next;
  }
  rest_.erase(0, begin);
  return events;
}

}  // namespace studio::api
