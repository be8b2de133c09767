// Token bytes to text as they come: complete characters at once, the bytes of an unfinished one held back.
//
// What comes out, put together, is what Python's bytes.decode("utf-8", "replace") gives for all bytes: each maximal
// wrong part becomes one U+FFFD. At most three bytes are ever held. One per stream; not thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace studio::engine {

class StreamDecoder {
 public:
  std::string push(std::string_view bytes);
  // The stream is over: what is held becomes one U+FFFD.
  std::string flush();
  bool holds() const { return !held_.empty(); }

 private:
  std::string held_;  // a proper prefix of a character
};

}  // namespace studio::engine
