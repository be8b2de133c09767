// How the interpreter fails inside: every operator of every expression may, so it is an exception, thrown here and
// caught in chat_template.cc alone. Nothing else throws, and nothing leaves the folder.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace studio::engine::jinja {

struct Failure {
  Code code = Code::kInvalidArgument;
  std::string message;
  int line = 0;                       // of the template; 0 until known
  bool is_words_of_template = false;  // raise_exception: shown as they are
};

[[noreturn]] inline void fail(std::string message) {
  throw Failure{.message = std::move(message)};
}
[[noreturn]] inline void fail_at(int line, std::string message) {
  throw Failure{.message = std::move(message), .line = line};
}
[[noreturn]] inline void fail_unimplemented(std::string message) {
  throw Failure{.code = Code::kUnimplemented, .message = std::move(message)};
}

}  // namespace studio::engine::jinja
