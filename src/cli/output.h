// What people and scripts see. Data goes to standard output; notes, progress and errors to standard error.
//
// Threads: any; lines are written whole.
#pragma once

#include <boost/json/fwd.hpp>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace studio::cli {

struct OutputStyle {
  bool is_json = false;
  bool is_quiet = false;   // no notes, no progress
  bool has_color = false;  // of standard error and output alike
};

class Output {
 public:
  explicit Output(OutputStyle style) : style_(style) {}

  bool is_json() const { return style_.is_json; }
  bool is_quiet() const { return style_.is_quiet; }

  void print(std::string_view text);                 // to standard output as it is; a newline is added
  void print_json(const boost::json::value& value);  // one line
  void note(std::string_view text);                  // to standard error, unless quiet or JSON
  void error(const Error& error);                    // one line, or an object under --json

  std::string bold(std::string_view text) const { return painted("1", text); }
  std::string dim(std::string_view text) const { return painted("2", text); }
  std::string red(std::string_view text) const { return painted("31", text); }
  std::string green(std::string_view text) const { return painted("32", text); }
  std::string yellow(std::string_view text) const { return painted("33", text); }

 private:
  std::string painted(const char* code, std::string_view text) const;
  OutputStyle style_;
  std::mutex mutex_;
};

// Columns as wide as their widest cell; the first row is the heading. Numbers look best with `right` columns.
std::string table(const std::vector<std::vector<std::string>>& rows, const std::vector<size_t>& right = {});

std::string human_bytes(int64_t bytes);        // "491 MB": powers of 1000, as disks and hubs count
std::string human_count(int64_t count);        // "32,768"
std::string human_time(int64_t unix_seconds);  // "2026-11-24 06:40", local time

// The program's exit code for an error.
int exit_code_of(Code code);

}  // namespace studio::cli
