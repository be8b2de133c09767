// A stream's bytes as its events: what stands before each empty line (server-sent events), or each line (JSON).
// One per stream; not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace studio::api {

class EventCutter {
 public:
  // `end` is what an event ends with and belongs to it: "\n\n" or "\n".
  explicit EventCutter(std::string_view end) : end_(end) {}

  // The events that these bytes complete.
  std::vector<std::string> feed(std::string_view bytes);
  const std::string& rest() const { return rest_; }  // of an event that is not complete

 private:
  const std::string_view end_;
  std::string rest_;
};

}  // namespace studio::api
