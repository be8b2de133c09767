// A lock between processes: an advisory lock on a file that names its holder. Released when dropped or when the process
// ends, however it ends.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace studio {

class FileLock {
 public:
  // Nothing when another process (or another FileLock) holds it. Makes the file, mode 0600.
  static Result<std::optional<FileLock>> try_acquire(const std::string& path);
  // Waits for it.
  static Result<FileLock> acquire(const std::string& path);
  // The process id that holds it, as text; "?" when nobody does.
  static std::string holder(const std::string& path);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  void write_holder();
  int fd_;
};

}  // namespace studio
