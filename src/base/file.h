// Files: a read-only mapping, whole reads, and writes that are never seen half done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
  // All of it will be read, again and again: what is not in memory yet comes in large pages where the kernel has them
  // for files. A hint.
  void ask_for_large_pages() const;

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// Which file, as of which change of it. While it stays the same, so do the bytes: a write sets both times, and the
// second is the system's alone to set. Only a file that has rested for longer than its times tell apart can be known by
// it.
struct FileIdentity {
  uint64_t device = 0, inode = 0, size = 0;
  int64_t modified_ns = 0, changed_ns = 0;  // of the content, of anything about the file; since 1970

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

// A file read piece by piece and never mapped: if another process cuts it short, a read says so, and no signal comes.
class UnmappedFile {
 public:
  static Result<UnmappedFile> open(const std::string& path);

  UnmappedFile(UnmappedFile&& other) noexcept;
  UnmappedFile& operator=(UnmappedFile&&) = delete;
  ~UnmappedFile();

  uint64_t size() const { return identity_.size; }            // when it was opened
  const FileIdentity& identity() const { return identity_; }  // when it was opened
  bool is_unchanged() const;                                  // since then
  // Exactly these bytes; corrupt_data when the file ends before them.
  Result<std::vector<uint8_t>> read(uint64_t offset, uint64_t size) const;
  // The same into memory that is there.
  Status read_into(std::span<uint8_t> bytes, uint64_t offset) const;

 private:
  explicit UnmappedFile(int fd) : fd_(fd) {}
  int fd_;
  FileIdentity identity_;
};

// The whole file, refused (payload_too_large) over limit_bytes.
Result<std::string> read_file(const std::string& path, size_t limit_bytes);

// Writes to a temporary name beside path, syncs, renames: path holds the old bytes or the new, never a part.
Status write_file_atomically(const std::string& path, std::string_view bytes, unsigned mode);

}  // namespace studio
