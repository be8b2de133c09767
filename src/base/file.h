// Files: a read-only mapping, whole reads, and writes that are never seen half done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace studio {

// A file mapped read-only. Movable; the mapping lives as long as the object. Any thread may read.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const uint8_t> bytes() const { return {data_, size_}; }

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// The whole file, refused (payload_too_large) over limit_bytes.
Result<std::string> read_file(const std::string& path, size_t limit_bytes);

// Writes to a temporary name beside path, syncs, renames: path holds the old bytes or the new, never a part.
Status write_file_atomically(const std::string& path, std::string_view bytes, unsigned mode);

}  // namespace studio
