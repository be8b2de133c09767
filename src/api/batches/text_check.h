// Is a file a task's: some texts, one a line, in UTF-8, for a model that is served? Not thread-safe.
#pragma once

#include "api/batches/file_check.h"
#include "api/batches/input_lines.h"

namespace studio::api::batches {

inline constexpr int64_t kMaxTexts = 100'000;  // the vendor's own

class TextCheck final : public FileCheck {
 public:
  // `model`: whether it is served, for vectors.
  TextCheck(InputLines lines, Status model) : lines_(std::move(lines)), model_(std::move(model)) {}

  Result<bool> step() override;
  int64_t lines() const override { return count_; }
  // The first one alone, with a code of the native interface.
  const boost::json::array& errors() const override { return errors_; }

 private:
  void fail(std::string_view code, const std::string& message);

  InputLines lines_;
  const Status model_;
  int64_t count_ = 0;
  boost::json::array errors_;
};

}  // namespace studio::api::batches
