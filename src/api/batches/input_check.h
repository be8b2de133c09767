// Is a file a batch? Every line is looked at before one runs: what is wrong is told with its line, and nothing is
// spent. Done in steps, so that a large file holds up no other batch. Not thread-safe.
#pragma once

#include <boost/json/array.hpp>
#include <functional>
#include <string>
#include <unordered_set>

#include "api/batches/input_lines.h"
#include "base/result.h"

namespace studio::api::batches {

inline constexpr int64_t kMaxLines = 50'000;      // the vendor's own
inline constexpr size_t kMaxCustomIdBytes = 256;  // so that all of a file's ids stay within some megabytes
inline constexpr size_t kMaxErrorsTold = 100;     // after that many, the rest of the file is not looked at

// One line as a request. Errors: invalid_argument; its param names the field.
struct LineRequest {
  std::string custom_id, model;
  std::string body;  // JSON
};
Result<LineRequest> read_line(const InputLine& line, std::string_view endpoint);

class InputCheck {
 public:
  using IsServed = std::function<bool(const std::string& model)>;
  InputCheck(InputLines lines, std::string endpoint, IsServed is_served, int64_t most_lines = kMaxLines)
      : lines_(std::move(lines)),
        endpoint_(std::move(endpoint)),
        is_served_(std::move(is_served)),
        most_lines_(most_lines) {}

  // Some more lines; true when all of them were looked at. Errors: unavailable (the disk).
  Result<bool> step();

  int64_t lines() const { return count_; }
  // [{"code","message","param","line"}]; empty: it is a batch.
  const boost::json::array& errors() const { return errors_; }

 private:
  void look_at(const InputLine& line);
  void finish();
  void add_error(std::string_view code, const std::string& message, const std::string& param, int64_t line);

  InputLines lines_;
  const std::string endpoint_;
  const IsServed is_served_;
  const int64_t most_lines_;
  int64_t count_ = 0;
  std::string model_;
  std::unordered_set<std::string> custom_ids_;
  boost::json::array errors_;
};

}  // namespace studio::api::batches
