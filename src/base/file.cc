#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace studio {
namespace {

Error io_error(const char* what, const std::string& path, int number) {
  Code code = number == ENOENT ? Code::kNotFound : number == EACCES ? Code::kPermissionDenied : Code::kUnavailable;
  return Error(code, std::string(what) + ": " + std::strerror(number)).with_detail(path);
}

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

int64_t nanoseconds(const struct timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileIdentity identity_of(const struct stat& info) {
  return {.device = info.st_dev,
          .inode = info.st_ino,
          .size = static_cast<uint64_t>(info.st_size),
          .modified_ns = nanoseconds(info.st_mtim),
          .changed_ns = nanoseconds(info.st_ctim)};
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return io_error("cannot open the file", path, errno);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return io_error("cannot read the file's size", path, errno);
  if (!S_ISREG(info.st_mode)) return Error(Code::kInvalidArgument, "not a regular file").with_detail(path);

  MappedFile file;
  file.size_ = static_cast<size_t>(info.st_size);
  if (file.size_ == 0) return file;
  void* mapped = ::mmap(nullptr, file.size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (mapped == MAP_FAILED) return io_error("cannot map the file", path, errno);
  file.data_ = static_cast<const uint8_t*>(mapped);
  return file;
}

void MappedFile::ask_for_large_pages() const {
  if (data_ != nullptr) ::madvise(const_cast<uint8_t*>(data_), size_, MADV_HUGEPAGE);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<uint8_t*>(data_), size_);
}

Result<UnmappedFile> UnmappedFile::open(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return io_error("cannot open the file", path, errno);
  UnmappedFile file(fd);
  struct stat info{};
  if (::fstat(fd, &info) != 0) return io_error("cannot read the file's size", path, errno);
  if (!S_ISREG(info.st_mode)) return Error(Code::kInvalidArgument, "not a regular file").with_detail(path);
  file.identity_ = identity_of(info);
  return file;
}

UnmappedFile::UnmappedFile(UnmappedFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), identity_(other.identity_) {}

UnmappedFile::~UnmappedFile() {
  if (fd_ >= 0) ::close(fd_);
}

bool UnmappedFile::is_unchanged() const {
  struct stat info{};
  return ::fstat(fd_, &info) == 0 && identity_of(info) == identity_;
}

Result<std::vector<uint8_t>> UnmappedFile::read(uint64_t offset, uint64_t size) const {
  if (offset > identity_.size || size > identity_.size - offset)
    return Error(Code::kCorruptData, "the file ends too early");
  std::vector<uint8_t> bytes(size);
  STUDIO_CHECK_OK(read_into(bytes, offset));
  return bytes;
}

Status UnmappedFile::read_into(std::span<uint8_t> bytes, uint64_t offset) const {
  if (offset > identity_.size || bytes.size() > identity_.size - offset)
    return Error(Code::kCorruptData, "the file ends too early");
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t count = ::pread(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error(Code::kUnavailable, std::string("cannot read the file: ") + std::strerror(errno));
    if (count == 0) return Error(Code::kCorruptData, "the file was cut short while it was read");
    done += static_cast<size_t>(count);
  }
  return Ok{};
}

Result<std::string> read_file(const std::string& path, size_t limit_bytes) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return io_error("cannot open the file", path, errno);
  std::string text;
  char buffer[65536];
  while (true) {
    ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error("cannot read the file", path, errno);
    if (count == 0) return text;
    if (text.size() + static_cast<size_t>(count) > limit_bytes) {
      return Error(Code::kPayloadTooLarge, "the file is larger than " + std::to_string(limit_bytes) + " bytes")
          .with_detail(path);
    }
    text.append(buffer, static_cast<size_t>(count));
  }
}

Status write_file_atomically(const std::string& path, std::string_view bytes, unsigned mode) {
  // Hidden: who lists the folder sees whole files alone.
  size_t name = path.rfind('/') + 1;  // 0 where there is no folder
  std::string temporary = path.substr(0, name) + "." + path.substr(name) + ".new." + std::to_string(::getpid());
  {
    Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (fd.get() < 0) return io_error("cannot create the file", temporary, errno);
    size_t done = 0;
    while (done < bytes.size()) {
      ssize_t count = ::write(fd.get(), bytes.data() + done, bytes.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        int number = errno;
        ::unlink(temporary.c_str());
        return io_error("cannot write the file", temporary, number);
      }
      done += static_cast<size_t>(count);
    }
    if (::fsync(fd.get()) != 0) {
      int number = errno;
      ::unlink(temporary.c_str());
      return io_error("cannot sync the file", temporary, number);
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    int number = errno;
    ::unlink(temporary.c_str());
    return io_error("cannot rename the file", path, number);
  }
  return Ok{};
}

}  // namespace studio
