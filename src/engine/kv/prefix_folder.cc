#include "engine/kv/prefix_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

namespace studio::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".pages";
constexpr size_t kNameDigits = 32;  // of the identity: half of it tells files apart, and the header holds all

Error denied(const std::string& what) {
  return Error(Code::kPermissionDenied, what);
}

Status check_folder(const std::string& folder) {
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return denied(folder + " is no folder");
  if (status.st_uid == ::geteuid() && (status.st_mode & 0077) == 0) return Ok{};
  return denied("others may look into " + folder + "; its mode must be 0700");
}

// A locked descriptor, or -1 where another process holds the lock. The file is its owner's alone.
Result<int> open_and_lock(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return denied("cannot open " + path + ": " + std::strerror(errno));
  struct stat status{};
  const bool is_ours = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == ::geteuid() &&
                       ((status.st_mode & 0077) == 0 || ::fchmod(fd, 0600) == 0);
  if (is_ours && ::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  ::close(fd);
  if (is_ours) return -1;
  return denied(path + " is not a file of ours alone");
}

// Those of other models, or of workers that were there when there were more.
void remove_idle_files(const std::string& folder) {
  std::vector<std::pair<fs::file_time_type, std::string>> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (entry->path().extension() != kSuffix || !entry->is_regular_file(ignored)) continue;
    files.emplace_back(entry->last_write_time(ignored), entry->path().string());
  }
  std::sort(files.rbegin(), files.rend());
  int idle = 0;
  for (const auto& [when, path] : files) {
    const int fd = ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) continue;
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0 && ++idle > kMaxIdlePrefixFiles) ::unlink(path.c_str());
    ::close(fd);
  }
}

}  // namespace

Result<PrefixFile> open_prefix_file(const std::string& folder, const PrefixFile::Shape& shape) {
  STUDIO_CHECK_OK(check_folder(folder));
  const std::string stem = folder + "/" + to_hex(shape.identity).substr(0, kNameDigits);
  for (int number = 0; number < kMaxPrefixFiles; ++number) {
    const std::string path = stem + (number == 0 ? "" : "." + std::to_string(number)) + std::string(kSuffix);
    STUDIO_TRY(const int fd, open_and_lock(path));
    if (fd < 0) continue;
    (void)::futimens(fd, nullptr);  // it is used now, whether or not anything will be written
    auto file = PrefixFile::attach(fd, shape);
    remove_idle_files(folder);
    return file;
  }
  return Error(Code::kOverloaded, "other workers hold all prefix files of this model");
}

}  // namespace studio::engine
