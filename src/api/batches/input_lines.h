// The lines of a batch's input file, read as they are needed. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_set>

#include "base/file.h"
#include "base/result.h"
#include "store/batches.h"

namespace studio::api::batches {

inline constexpr size_t kMaxLineBytes = 6 << 20;  // the vendor's own

struct InputLine {
  int64_t number = 0;  // in the file, from 1
  std::string text;    // without its end
};

class InputLines {
 public:
  explicit InputLines(UnmappedFile file) : file_(std::move(file)) {}

  // The next line that is not blank; nothing at the end. Errors: payload_too_large (a line over kMaxLineBytes; the next
  // call goes on behind it), unavailable.
  Result<std::optional<InputLine>> next();
  int64_t number() const { return number_; }  // of the line that next() looked at last

 private:
  Result<bool> read_more();  // false: there is no more
  Status skip_line();

  UnmappedFile file_;
  uint64_t read_ = 0;  // of the file
  std::string held_;   // read, not handed out
  size_t at_ = 0;      // of held_: the next line's beginning
  int64_t number_ = 0;
};

// Hands on each line of a batch's or a task's input whose number is not among `answered`, and counts them.
// Errors: those of the files, of next() and of `write`.
Result<int64_t> for_each_unanswered(store::Files& files, const store::Batch& batch,
                                    const std::unordered_set<int64_t>& answered,
                                    const std::function<Status(const InputLine&)>& write);

}  // namespace studio::api::batches
