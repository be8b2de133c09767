#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/file.h"

namespace studio {
namespace {

constexpr size_t kMaxHolderBytes = 32;  // a process id and a newline

Error lock_error(const std::string& path) {
  return Error(Code::kUnavailable, "cannot lock a file of the data folder: " + std::string(std::strerror(errno)))
      .with_detail(path);
}

Result<int> open_lock_file(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return lock_error(path);
  return fd;
}

}  // namespace

Result<std::optional<FileLock>> FileLock::try_acquire(const std::string& path) {
  STUDIO_TRY(int fd, open_lock_file(path));
  FileLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::optional<FileLock>();
    return lock_error(path);
  }
  lock.write_holder();
  return std::optional<FileLock>(std::move(lock));
}

Result<FileLock> FileLock::acquire(const std::string& path) {
  STUDIO_TRY(int fd, open_lock_file(path));
  FileLock lock(fd);
  while (::flock(fd, LOCK_EX) != 0) {
    if (errno != EINTR) return lock_error(path);
  }
  lock.write_holder();
  return lock;
}

std::string FileLock::holder(const std::string& path) {
  auto text = read_file(path, kMaxHolderBytes);
  if (!text.ok() || text->empty()) return "?";
  return text->substr(0, text->find('\n'));
}

void FileLock::write_holder() {
  std::string pid = std::to_string(::getpid()) + "\n";
  // Only for messages: the lock holds whether or not its holder can be named.
  if (::ftruncate(fd_, 0) == 0) (void)!::pwrite(fd_, pid.data(), pid.size(), 0);
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace studio
