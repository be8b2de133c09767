// Takes a request's body as it arrives, for bodies that are too large to be held: an upload on its way to the disk.
#pragma once

#include <string_view>

namespace studio::http {

class BodySink {
 public:
  virtual ~BodySink() = default;
  // The next piece, on a handler thread, one at a time; may block for milliseconds, and nothing more is read meanwhile.
  // What cannot be taken is the handler's to tell: the sink drops the rest, and the route's handler asks it.
  virtual void take(std::string_view piece) = 0;
};

}  // namespace studio::http
