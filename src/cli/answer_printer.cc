#include "cli/answer_printer.h"

#include <cstdio>

namespace studio::cli {

std::string printable(const std::string& text) {
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
    } else if (c == '\n' || c == '\t') {
      out += c;
    } else if (c != '\r') {
      out += {'^', static_cast<char>(byte ^ 0x40)};  // ESC shows as ^[
    }
  }
  return out;
}

void AnswerPrinter::write(const std::string& text) {
  if (text.empty()) return;
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void AnswerPrinter::print(const ChatDelta& delta) {
  if (!delta.reasoning.empty() && shows_reasoning_) {
    is_reasoning_ = true;
    write(output_.dim(printable(delta.reasoning)));
    ends_line_ = delta.reasoning.back() == '\n';
  }
  if (delta.content.empty()) return;
  if (is_reasoning_) write(ends_line_ ? "\n" : "\n\n");
  is_reasoning_ = false;
  write(is_terminal_ ? printable(delta.content) : delta.content);
  ends_line_ = delta.content.back() == '\n';
}

void AnswerPrinter::finish() {
  if (!ends_line_) write("\n");
  ends_line_ = true;
}

}  // namespace studio::cli
