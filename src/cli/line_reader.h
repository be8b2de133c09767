// Lines from a person, with editing and history (libedit), or from a pipe, plain.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace studio::cli {

class LineReader {
 public:
  // An empty history_file keeps none.
  explicit LineReader(const std::string& history_file);
  ~LineReader();  // saves the history, mode 0600

  enum class Outcome { kLine, kInterrupted, kEnd };
  // Without the newline. kInterrupted: Ctrl-C, whatever was typed is dropped. kEnd: Ctrl-D, or the pipe's end.
  Outcome read(const std::string& prompt, std::string& line);

 private:
  struct Editor;
  std::unique_ptr<Editor> editor_;  // null for a pipe
};

}  // namespace studio::cli
