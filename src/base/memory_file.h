// For fuzz targets of readers that take a path: a file in memory, whose path reads like any other.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

namespace studio::fuzz {

class MemoryFile {
 public:
  MemoryFile() : fd_(::memfd_create("studio_fuzz", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(fd_)) {
    if (fd_ < 0) std::abort();
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(fd_); }

  // The whole content; returns the path. Who has mapped the file before unmaps it first.
  const std::string& write(std::span<const uint8_t> bytes) {
    const auto size = static_cast<ssize_t>(bytes.size());
    if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, bytes.data(), bytes.size(), 0) != size) std::abort();
    return path_;
  }

 private:
  const int fd_;
  const std::string path_;
};

}  // namespace studio::fuzz
