// A streamed answer as it comes: thinking dimmed and apart, the answer plain; both safe to print.
#pragma once

#include <string>

#include "cli/api_client.h"
#include "cli/output.h"

namespace studio::cli {

// Control characters of a model's text could drive the terminal: all but newline and tab become visible.
std::string printable(const std::string& text);

class AnswerPrinter {
 public:
  // `shows_reasoning`: false drops thinking (for pipes, which want the answer alone).
  AnswerPrinter(const Output& output, bool is_terminal, bool shows_reasoning)
      : output_(output), is_terminal_(is_terminal), shows_reasoning_(shows_reasoning) {}

  void print(const ChatDelta& delta);
  void finish();  // ends the last line if the answer did not

 private:
  void write(const std::string& text);
  const Output& output_;
  bool is_terminal_, shows_reasoning_;
  bool is_reasoning_ = false, ends_line_ = true;
};

}  // namespace studio::cli
