// Is a file a batch? Each of its lines must be a request.
#pragma once

#include <functional>
#include <string>
#include <unordered_set>

#include "api/batches/file_check.h"
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

class InputCheck final : public FileCheck {
 public:
  using IsServed = std::function<bool(const std::string& model)>;
  InputCheck(InputLines lines, std::string endpoint, IsServed is_served, int64_t most_lines = kMaxLines)
      : lines_(std::move(lines)),
        endpoint_(std::move(endpoint)),
        is_served_(std::move(is_served)),
        most_lines_(most_lines) {}

  Result<bool> step() override;
  int64_t lines() const override { return count_; }
  const boost::json::array& errors() const override { return errors_; }

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
