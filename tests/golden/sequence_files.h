// Readers of the sequence files of README.md: token contexts, full logits, logits of picked positions.
//
// Files are this project's own, but a cut one is reported, not crashed on. All integers and floats little endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace studio::golden {

// Every context of a *.tokens file.
Result<std::vector<std::vector<int32_t>>> read_tokens(const std::string& path);

// Logits of one context: row r belongs to position positions[r].
struct LogitRows {
  std::vector<int32_t> positions;  // ascending
  std::vector<float> values;       // [positions, V]
};

// Reads *.logits (every position) or picked.logits one context at a time, as the whole may not fit in memory.
class LogitFile {
 public:
  enum class Kind { kFull, kPicked };
  static Result<LogitFile> open(const std::string& path, Kind kind, size_t vocab);

  Result<LogitRows> next();

 private:
  struct Close {
    void operator()(FILE* file) const { std::fclose(file); }
  };
  LogitFile(FILE* file, Kind kind, size_t vocab) : file_(file), kind_(kind), vocab_(vocab) {}

  std::unique_ptr<FILE, Close> file_;
  Kind kind_;
  size_t vocab_;
};

}  // namespace studio::golden
